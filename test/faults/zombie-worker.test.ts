// F06: a worker stopped for three leases and woken while another one runs what it held. Its fence is stale.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LEASE_MS } from "../../core/domain/execution.ts";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { openStage } from "./driver/stage.ts";

const RUNS = 5;

test("F06 a worker stopped past its lease and woken commits nothing", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  const { sink } = stage;
  await Promise.all([stage.start("api"), stage.start("scheduler")]);
  const zombie = await stage.start("worker");
  const call = effect(sink.url, "slow/1000/call");
  const steps = [call, effect(sink.url, "held/next"), effect(sink.url, "last")];
  const workflow = await stage.addWorkflow(chain(...steps));
  for (let n = 0; n < RUNS; n++) await stage.submit(workflow, { n });
  for (let n = 0; n < RUNS; n++) await sink.arrival(`/slow/1000/call/${n}`);
  process.kill(zombie.pid, "SIGSTOP");
  await stage.trace.noteDeath(zombie.id);
  await stage.start("worker");
  await Promise.all([delay(3 * LEASE_MS), sink.arrival("/held/next/0")]);
  process.kill(zombie.pid, "SIGCONT");
  // Woken, it gets its answers and tries to write them: its own log says when it has let go.
  const letGo = () => zombie.log.join("").split("lease lost").length - 1;
  for (const deadline = Date.now() + 20_000; letGo() < RUNS && Date.now() < deadline; ) await delay(100);
  sink.release();
  await judge(stage, t);
  assert.equal(letGo(), RUNS, "the zombie let go of all");
  for (let n = 0; n < RUNS; n++) {
    const arrivals = ["slow/1000/call", "held/next", "last"].map((path) => sink.count(`/${path}/${n}`));
    assert.deepEqual(arrivals, [2, 1, 1], "only what was in flight went out again");
  }
});
