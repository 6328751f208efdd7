// F31, F34: a scheduler stopped for 90 s with slots in its hands, longer than PostgreSQL lets it hold them, on both queues.
import { test } from "node:test";
import { chain } from "../../support/workflows.ts";
import { crowdSchedulers } from "../driver/crowd-of-schedulers.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES } from "../driver/stage.ts";

for (const { profile, skip } of PROFILES) {
  test(`F31 10,000 due slots, one scheduler killed before it rings, one stopped for 90 s (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    await Promise.all([stage.start("api"), stage.start("worker")]);
    const workflow = await stage.addWorkflow(chain(effect(stage.sink.url, "fired")));
    await crowdSchedulers(stage, {
      ...{ workflow, slots: 10_000, point: "scheduler.after_fire_commit", stoppedMs: 90_000 },
    });
    await judge(stage, t, { patienceMs: 180_000 });
  });
}
