// F41: workers that are told to stop: they finish what they can, hand back the rest, and nothing is lost or done twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { FEW_PROFILES, openStage } from "./driver/stage.ts";

const RUNS = 40;
/** A stopping worker waits 15 s for nodes, and is told to be gone within 25 s. */
const DRAIN_MS = 25_000;

for (const { profile, skip } of FEW_PROFILES) {
  test(`F41 workers stopped by SIGTERM under load, one after the other (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink, random } = stage;
    await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
    const steps = ["a", "b", "c"].map((name) => effect(sink.url, `slow/150/${name}`));
    const workflow = await stage.addWorkflow(chain(...steps));
    const submissions = Array.from({ length: RUNS }, async (_, n) => {
      await delay(n * 100);
      await stage.submit(workflow, { n });
    });
    for (let round = 0; round < 3; round++) {
      await delay(random.between(200, 900));
      const [old] = stage.platform.processes().filter(({ role }) => role === "worker");
      const told = performance.now();
      const [code] = await Promise.all([old?.kill("SIGTERM"), stage.start("worker")]);
      assert.equal(code, 0, old?.log.join(""));
      assert.ok(performance.now() - told < DRAIN_MS);
    }
    await Promise.all(submissions);
    const { recoveries } = await judge(stage, t);
    assert.equal(sink.requests.length, RUNS * steps.length, "each effect went out once");
    assert.deepEqual(recoveries, [], "nobody had to be recovered from");
  });
}

test("F41 what does not end in time is handed back: with a ring, without one, and by a second SIGTERM", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  const { sink } = stage;
  await Promise.all([stage.start("api"), stage.start("scheduler")]);
  const workflow = await stage.addWorkflow(chain(effect(sink.url, "held/long"), effect(sink.url, "after")));
  const begin = async (n: number, environment = {}) => {
    const worker = await stage.start("worker", environment);
    await stage.submit(workflow, { n });
    await sink.arrival(`/held/long/${n}`);
    return worker;
  };
  // Each finds the run that is its own: nobody else is up, and what is handed back is taken up after the last began.
  const hasty = await begin(0);
  const second = hasty.kill("SIGTERM");
  await delay(300);
  const [impatient] = await Promise.all([hasty.kill("SIGTERM"), second]);
  assert.equal(impatient, 1, "the second signal is final");
  const silent = await begin(1, { CRASH_AT: "worker.before_ring:1" });
  const patient = await begin(2);
  // Another one is up while they drain, as in a rollout: what is handed back need not wait for the last of them.
  const [code] = await Promise.all([patient.kill("SIGTERM"), silent.kill("SIGTERM"), stage.start("worker")]);
  assert.equal(code, 0, patient.log.join(""));
  sink.release();
  await judge(stage, t);
  for (let n = 0; n < 3; n++) assert.equal(sink.count(`/after/${n}`), 1);
});
