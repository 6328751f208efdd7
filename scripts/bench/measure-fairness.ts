// One tenant submits fifty times what another does, more than the machine runs: how much later is the other one answered?
import { setTimeout as delay } from "node:timers/promises";
import { benchGraph, benchInput } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";

/** Submissions per second of the small tenant. */
const RATE = 10;
const TIMES = 50;
const WAIT = { headers: { prefer: "wait=60" } };

/** From the submission to the result, for the small tenant alone and beside the big one. */
export async function measureFairness(platform: PlatformUnderLoad, seconds: number): Promise<Measurement[]> {
  const [big, small = big] = platform.users;
  const smallWorkflow = await platform.createWorkflow(small, benchGraph());
  const bigWorkflow = await platform.createWorkflow(big, benchGraph());
  const run = async (index: number) => {
    const started = performance.now();
    const body = JSON.stringify({ input: benchInput(index) });
    await platform.call(small, "POST", `/api/workflows/${smallWorkflow}/executions`, { body, ...WAIT });
    return performance.now() - started;
  };
  /** At fixed times, however long the answers take. */
  const sample = async () => {
    const runs: Promise<number>[] = [];
    for (let index = 0; index < RATE * seconds; index++) {
      runs.push(run(index));
      await delay(1_000 / RATE);
    }
    return Promise.all(runs);
  };
  await sample();
  const alone = await sample();

  const inputs = Array.from({ length: RATE * TIMES }, (_, index) => benchInput(index));
  const batch = JSON.stringify({ inputs });
  let submitted = 0;
  const flood = async () => {
    for (let second = 0; second < seconds; second++) {
      const next = delay(1_000);
      await platform.call(big, "POST", `/api/workflows/${bigWorkflow}/executions/batch`, { body: batch });
      submitted += inputs.length;
      await next;
    }
  };
  const [beside] = await Promise.all([sample(), flood()]);
  const { rows } = await platform.admin.query<{ queued: number }>(
    "select count(*)::int queued from workflow_executions where workflow_id = $1 and status = 'queued'",
    [bigWorkflow],
  );
  const p95 = (samples: readonly number[]) => round(percentile(samples, 95));
  const details = {
    bigSubmitted: submitted,
    bigStillQueued: rows[0]?.queued ?? 0,
    p50: round(percentile(beside, 50)),
  };
  return [
    { name: "small tenant alone p95", unit: "ms", value: p95(alone), p50: round(percentile(alone, 50)) },
    { name: "small tenant beside overload p95", unit: "ms", value: p95(beside), ...details },
    { name: "small tenant's p95 under overload", unit: "ratio", value: round(p95(beside) / p95(alone)) },
  ];
}
