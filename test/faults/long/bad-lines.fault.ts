// F11, F13: lines that swallow everything, that are slow, that lose packets, and that break in the middle of a statement.
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES, type Stage } from "../driver/stage.ts";

const RUNS = 60;

async function startAll(stage: Stage): Promise<() => Promise<unknown>> {
  await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
  const steps = ["a", "b"].map((name) => effect(stage.sink.url, `slow/200/${name}`));
  const workflow = await stage.addWorkflow(chain(...steps));
  const all = Array.from({ length: RUNS }, (_, n) => n);
  return () =>
    Promise.all(
      all.map(async (n) => {
        await delay(n * 100);
        await stage.submit(workflow, { n });
      }),
    );
}

for (const { profile, skip } of PROFILES) {
  test(`F13 the lines to PostgreSQL are half-open for 12 s (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const submitted = (await startAll(stage))();
    await delay(2_000);
    stage.lines.postgres.set({ kind: "drop" });
    await delay(12_000);
    // Those that are open stay dead, as after a firewall forgot them; new ones work.
    stage.lines.postgres.set({ kind: "pass" });
    stage.lines.postgres.reset();
    await stage.trace.noteFault("half-open");
    await submitted;
    await judge(stage, t, { patienceMs: 120_000, recoveryMs: 40_000 });
  });

  test(`F13 the lines break in the middle of statements (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const submitted = (await startAll(stage))();
    for (let cut = 0; cut < 10; cut++) {
      await delay(500);
      stage.lines.postgres.cutAfter(stage.random.between(1, 3_000));
      stage.lines.redis?.cutAfter(stage.random.between(1, 1_000));
    }
    await submitted;
    await judge(stage, t, { patienceMs: 120_000 });
  });

  test(`F13 5 % of what is sent to PostgreSQL and Redis is lost on the way (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    const submit = await startAll(stage);
    const lossy = { kind: "lossy", share: 0.05, chance: stage.random.next } as const;
    stage.lines.postgres.set(lossy);
    stage.lines.redis?.set(lossy);
    await submit();
    await judge(stage, t, { patienceMs: 180_000 });
  });

  test(`F13 half a second to PostgreSQL and Redis (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const submit = await startAll(stage);
    stage.lines.postgres.set({ kind: "delay", ms: 250 });
    stage.lines.redis?.set({ kind: "delay", ms: 250 });
    await submit();
    await judge(stage, t, { patienceMs: 180_000 });
  });
}
