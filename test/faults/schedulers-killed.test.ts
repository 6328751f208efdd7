// F31: schedulers killed and stopped between a fire and its ring. Every slot fires once, and what it started runs.
import { test } from "node:test";
import { chain } from "../support/workflows.ts";
import { crowdSchedulers } from "./driver/crowd-of-schedulers.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { FEW_PROFILES, openStage } from "./driver/stage.ts";

for (const { profile, skip } of FEW_PROFILES) {
  test(`F31 10,000 due slots, three schedulers: one killed before it rings, one stopped (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    await stage.start("api");
    const workflow = await stage.addWorkflow(chain());
    const took = await crowdSchedulers(stage, {
      ...{ workflow, slots: 10_000, point: "scheduler.after_fire_commit", stoppedMs: 2_000 },
    });
    t.diagnostic(JSON.stringify({ scenario: t.name, slots: 10_000, tookMs: Math.round(took) }));
  });

  test(`F31 one killed before its commit, and what the slots started has its effects once (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    await Promise.all([stage.start("api"), stage.start("worker")]);
    const workflow = await stage.addWorkflow(chain(effect(stage.sink.url, "fired")));
    await crowdSchedulers(stage, {
      // Ten transactions and more: of one, the doomed scheduler may come too late for its part.
      ...{ workflow, slots: 2_000, point: "scheduler.before_fire_commit", stoppedMs: 500 },
    });
    await judge(stage, t);
  });
}
