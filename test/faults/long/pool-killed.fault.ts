// F03: every worker killed at once, and none for longer than three leases.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES } from "../driver/stage.ts";

const RUNS = 100;
const GONE_MS = 30_000;

for (const { profile, skip } of PROFILES) {
  test(`F03 all workers killed, others start ${GONE_MS / 1_000} s later (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink } = stage;
    await Promise.all([stage.start("api"), stage.start("scheduler")]);
    const workers = [await stage.start("worker"), await stage.start("worker"), await stage.start("worker")];
    const steps = ["slow/50/a", "slow/3000/b", "c"].map((path) => effect(sink.url, path));
    const workflow = await stage.addWorkflow(chain(...steps));
    await Promise.all(Array.from({ length: RUNS }, (_, n) => stage.submit(workflow, { n })));
    await sink.arrival("/slow/3000/b/0");
    await Promise.all(workers.map((worker) => worker.kill()));
    await delay(GONE_MS);
    await Promise.all([stage.start("worker"), stage.start("worker")]);
    await stage.trace.noteWhole();
    await judge(stage, t, { patienceMs: 120_000 });
    const seconds = sink.requests.filter(({ path }) => path.startsWith("/slow/50/a/")).length;
    assert.ok(seconds <= RUNS + 50 * workers.length, "only what was in flight went out again");
  });
}
