// F20, F21: the queue forgets, all of it, some of it, or goes back in time. PostgreSQL remembers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { FEW_PROFILES, openStage, PROFILES, type Stage } from "./driver/stage.ts";

const RUNS = 60;
const needsRedis = PROFILES.find(({ profile }) => profile === "redis")?.skip ?? false;

async function startAll(stage: Stage): Promise<string> {
  await Promise.all([stage.start("api"), stage.start("worker"), stage.start("scheduler")]);
  const steps = ["a", "b"].map((name) => effect(stage.sink.url, `slow/200/${name}`));
  return stage.addWorkflow(chain(...steps));
}

/** Submits from now on, some each 100 ms; resolves when all are accepted. */
function submitAll(stage: Stage, workflow: string, from: number): Promise<unknown> {
  return Promise.all(
    Array.from({ length: RUNS }, async (_, n) => {
      await delay(n * 50);
      await stage.submit(workflow, { n: from + n });
    }),
  );
}

test("F20 Redis killed twice, back with old data and back with none", { skip: needsRedis }, async (t) => {
  const stage = await openStage({ profile: "redis" }, t);
  const { redis } = stage;
  const workflow = await startAll(stage);
  for (const [round, how] of (["from disk", "empty"] as const).entries()) {
    const submitted = submitAll(stage, workflow, round * RUNS);
    await delay(500);
    await redis?.client.save();
    await delay(1_500);
    await redis?.kill();
    await delay(stage.random.between(0, 1_000));
    await redis?.restart(how);
    await stage.trace.noteFault(`redis ${how}`);
    await submitted;
  }
  await judge(stage, t, { recoveryMs: 10_000 });
  assert.equal(stage.platform.processes().length, 3, "no role died of it");
});

for (const { profile, skip } of FEW_PROFILES) {
  test(`F21 the queue is emptied under load, and with nobody listening (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const workflow = await startAll(stage);
    const submitted = submitAll(stage, workflow, 0);
    await delay(1_000);
    await forget(stage);
    await submitted;
    const [worker] = stage.platform.processes().filter(({ role }) => role === "worker");
    await worker?.kill("SIGTERM");
    await submitAll(stage, workflow, RUNS);
    await forget(stage);
    await stage.start("worker");
    await stage.trace.noteFault("queue forgot");
    await judge(stage, t, { recoveryMs: 10_000 });
  });
}

async function forget({ redis, trace }: Stage): Promise<void> {
  if (redis) await redis.client.flushall();
  else await trace.query("delete from bullmq.job");
}
