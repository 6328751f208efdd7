// F30: workers and a scheduler whose wall clocks are wrong, or step back while they run. Leases and waits go by PostgreSQL's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES } from "../driver/stage.ts";

const RUNS = 80;
const WAIT_MS = 3_000;
const hook = pathToFileURL(new URL("../driver/wrong-clock.ts", import.meta.url).pathname);
const clock = (text: string) => ({ FAULT_CLOCK: text, NODE_OPTIONS: `--import=${hook}` });
const FAST = clock("600000");
const SLOW = clock("-600000");
/** An hour back, in the middle of what it runs. */
const STEPPING = clock("-3600000@6000");

for (const { profile, skip } of PROFILES) {
  test(`F30 clocks 10 minutes fast and slow, and one that steps back an hour (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink, trace } = stage;
    await Promise.all([stage.start("api"), stage.start("scheduler", FAST)]);
    const doomed = await stage.start("worker", FAST);
    await Promise.all([stage.start("worker", SLOW), stage.start("worker", STEPPING)]);
    const retry = { maxAttempts: 2, backoffMs: 200 };
    const failing = effect(sink.url, "status/503", { data: { retry, onError: "continue" } });
    const plain = await stage.addWorkflow(chain(effect(sink.url, "slow/1500/a"), failing));
    const pause = { id: "pause", type: "flow.wait", config: { ms: WAIT_MS } };
    const waiting = await stage.addWorkflow(chain(pause, effect(sink.url, "b")));
    for (let n = 0; n < RUNS; n++) {
      await stage.submit(n % 4 === 0 ? waiting : plain, { n });
      await delay(100);
    }
    const until = "select from workflow_executions where status in ('queued', 'running', 'waiting') limit 1";
    for (let left = 600; left > 0 && (await trace.query(until)).length > 0; left--) await delay(100);
    const stolen = await trace.query(
      "select id from workflow_executions where crash_count > 0 or (fence > 1 and workflow_id = $1)",
      [plain],
    );
    assert.deepEqual(stolen, [], "nobody took what a live worker held");
    const waits = await trace.query<{ ms: number }>(
      `select extract(epoch from min(woken.at) - min(begun.at)) * 1000 ms
       from fault_trace begun join fault_trace woken using (id) join workflow_executions e using (id)
       where e.workflow_id = $1 and begun.status = 'running' and woken.status = 'queued' and woken.n > begun.n group by id`,
      [waiting],
    );
    assert.equal(waits.length, RUNS / 4);
    for (const { ms } of waits) assert.ok(ms > WAIT_MS * 0.95 && ms < WAIT_MS + 10_000, `waited ${ms} ms`);

    // A dead worker's leases run out for everybody, whatever its clock said.
    for (let n = 0; n < 10; n++) await stage.submit(plain, { n: `late-${n}` });
    await delay(1_000);
    await doomed.kill();
    await judge(stage, t);
  });
}
