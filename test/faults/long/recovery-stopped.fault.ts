// F34: the scheduler that holds the recovery lock is stopped; another one takes back what a dead worker held.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES } from "../driver/stage.ts";

const RUNS = 20;

for (const { profile, skip } of PROFILES) {
  test(`F34 the scheduler that holds the recovery lock is stopped (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink } = stage;
    const holder = await stage.start("scheduler");
    await Promise.all([stage.start("api"), stage.start("scheduler")]);
    const worker = await stage.start("worker");
    const workflow = await stage.addWorkflow(chain(effect(sink.url, "held/call")));
    for (let n = 0; n < RUNS; n++) await stage.submit(workflow, { n });
    for (let n = 0; n < RUNS; n++) await sink.arrival(`/held/call/${n}`);
    process.kill(holder.pid, "SIGSTOP");
    process.kill(worker.pid, "SIGKILL");
    await stage.trace.noteDeath(worker.id);
    sink.release();
    await stage.start("worker");
    const ended = "select count(*)::int n from workflow_executions where status = 'succeeded'";
    const succeeded = async () => (await stage.trace.query<{ n: number }>(ended))[0]?.n;
    for (const deadline = Date.now() + 60_000; (await succeeded()) !== RUNS && Date.now() < deadline; )
      await delay(200);
    assert.equal(await succeeded(), RUNS, "without the one that is stopped");
    process.kill(holder.pid, "SIGCONT");
    await judge(stage, t);
  });
}
