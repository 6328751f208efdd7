// F10: PostgreSQL killed under load, with -9 and by immediate shutdown, and started again on the same data.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { openStage } from "./driver/stage.ts";

const RUNS = 60;
const CRASHES = 3;

test("F10 PostgreSQL killed three times under load: all goes on by itself", async (t) => {
  const stage = await openStage({ profile: "embedded", ownPostgres: true }, t);
  const { sink, random, postgres } = stage;
  await Promise.all([
    stage.start("api"),
    stage.start("worker"),
    stage.start("worker"),
    stage.start("scheduler"),
  ]);
  const steps = ["a", "b", "c"].map((name) => effect(sink.url, `slow/300/${name}`));
  const workflow = await stage.addWorkflow(chain(...steps));
  const submissions = Array.from({ length: RUNS }, async (_, n) => {
    await delay(n * 150);
    await stage.submit(workflow, { n });
  });
  for (let crash = 0; crash < CRASHES; crash++) {
    await delay(random.between(1_500, 3_000));
    await postgres?.crash(random.pick(["SIGKILL", "SIGQUIT"]), random.between(0, 1_000));
    await stage.trace.noteFault("postgres");
  }
  await Promise.all(submissions);
  await judge(stage, t, { recoveryMs: 5_000 });
  assert.equal(stage.platform.processes().length, 4, "no role died of it");
});
