// F44: the other side hangs, refuses for a while, breaks off its body, or cuts the line after it has done its work.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage } from "../driver/stage.ts";

const RUNS = 10;
const ATTEMPTS = 3;

test("F44 providers that hang, refuse, break off and reset: attempts are counted, under one key", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  const { sink } = stage;
  await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
  const kinds = ["silent", "status/429", "status/503", "truncated", "reset"];
  for (const kind of kinds) {
    const retry = { maxAttempts: ATTEMPTS, backoffMs: 50, maxBackoffMs: 200 };
    const call = effect(sink.url, kind, { config: { timeoutMs: 1_000 }, data: { retry } });
    const workflow = await stage.addWorkflow(chain(call));
    for (let n = 0; n < RUNS; n++) await stage.submit(workflow, { n });
  }
  await judge(stage, t, { patienceMs: 120_000 });
  for (const kind of kinds) {
    for (let n = 0; n < RUNS; n++) {
      const arrived = sink.requests.filter(({ path }) => path === `/${kind}/${n}`);
      assert.equal(arrived.length, ATTEMPTS, `${kind}/${n}`);
      assert.equal(new Set(arrived.map(({ key }) => key)).size, 1);
    }
  }
  const ends = await stage.trace.query<{ status: string }>("select distinct status from workflow_executions");
  assert.deepEqual(ends, [{ status: "failed" }]);
});
