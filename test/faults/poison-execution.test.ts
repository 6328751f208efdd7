// F42: an execution that kills every worker it meets, among a hundred good ones. It fails with its own code.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_CRASHES } from "../../core/domain/execution.ts";
import { expireLeases } from "../../core/persistence/expire-leases.ts";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { openStage } from "./driver/stage.ts";

const GOOD = 100;

test("F42 a poison execution among 100 good ones fails with worker_lost, the good ones succeed", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  const { sink, trace } = stage;
  await Promise.all([stage.start("api"), stage.start("scheduler")]);
  const good = await stage.addWorkflow(chain(effect(sink.url, "slow/100/a"), effect(sink.url, "slow/100/b")));
  // Only a node that failed comes by this point, and only the poison has one.
  const retry = { maxAttempts: 10, backoffMs: 100 };
  const poison = await stage.addWorkflow(chain(effect(sink.url, "status/500", { data: { retry } })));
  const id = await stage.submit(poison, { n: 0 });
  for (let n = 0; n < GOOD; n++) await stage.submit(good, { n });
  const status = async () =>
    (await trace.query<{ status: string }>("select status from workflow_executions where id = $1", [id]))[0]
      ?.status;
  let deaths = 0;
  while ((await status()) !== "failed" && deaths <= MAX_CRASHES) {
    const worker = await stage.start("worker", { CRASH_AT: "worker.before_retry:1" });
    const poisoned = (async () => {
      while ((await status()) !== "failed") await new Promise((resolve) => setTimeout(resolve, 200));
    })();
    await Promise.race([worker.ended, poisoned]);
    if (stage.platform.processes().includes(worker)) break;
    deaths++;
    // As the supervisor of `npm start` does when it sees one die.
    await expireLeases({ databaseUrl: trace.databaseUrl, workerId: worker.id });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
  if (!stage.platform.processes().some(({ role }) => role === "worker")) await stage.start("worker");
  await judge(stage, t);
  assert.equal(deaths, MAX_CRASHES);
  const ends = await trace.query<{ status: string; code: string | null; n: number }>(
    "select status, error ->> 'code' code, count(*)::int n from workflow_executions group by 1, 2 order by 1",
  );
  assert.deepEqual(ends, [
    { status: "failed", code: "worker_lost", n: 1 },
    { status: "succeeded", code: null, n: GOOD },
  ]);
});
