// One tenant submits fifty times what another does, more than the machine runs: how much later is the other one answered?
import { setTimeout as delay } from "node:timers/promises";
import { awaitEnds } from "./await-ends.ts";
import { benchGraph, benchInput } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";

/** Submissions per second of the small tenant. */
const RATE = 10;
const TIMES = 50;
/** Alone and beside it in turns, so that whatever else the machine does meets both. */
const ROUND_SECONDS = 5;
const WAIT = { headers: { prefer: "wait=60" } };

type EndedRun = { createdAt: string; startedAt: string; finishedAt: string };

/** To the row, to the claim, to the end, to the answer: the clocks are those of one machine. */
const STAGES = ["submitMs", "queueMs", "runMs", "answerMs"] as const;

type Run = { totalMs: number; submitMs: number; queueMs: number; runMs: number; answerMs: number };

/** From the submission to the result, for the small tenant alone and beside the big one. */
export async function measureFairness(platform: PlatformUnderLoad, seconds: number): Promise<Measurement[]> {
  const [big, small = big] = platform.users;
  const smallWorkflow = await platform.createWorkflow(small, benchGraph());
  const bigWorkflow = await platform.createWorkflow(big, benchGraph());
  const run = async (index: number): Promise<Run> => {
    const sentAt = Date.now();
    const started = performance.now();
    const body = JSON.stringify({ input: benchInput(index) });
    const path = `/api/workflows/${smallWorkflow}/executions`;
    const ended = await platform.call<EndedRun>(small, "POST", path, { body, ...WAIT });
    const totalMs = performance.now() - started;
    const [createdAt, startedAt, finishedAt] = [ended.createdAt, ended.startedAt, ended.finishedAt].map(
      Date.parse,
    ) as [number, number, number];
    return {
      totalMs,
      submitMs: createdAt - sentAt,
      queueMs: startedAt - createdAt,
      runMs: finishedAt - startedAt,
      answerMs: sentAt + totalMs - finishedAt,
    };
  };
  /** At fixed times, however long the answers take. */
  const sample = async () => {
    const runs: Promise<Run>[] = [];
    for (let index = 0; index < RATE * ROUND_SECONDS; index++) {
      runs.push(run(index));
      await delay(1_000 / RATE);
    }
    return Promise.all(runs);
  };
  const inputs = Array.from({ length: RATE * TIMES }, (_, index) => benchInput(index));
  const batch = JSON.stringify({ inputs });
  let submitted = 0;
  const flood = async () => {
    for (let second = 0; second < ROUND_SECONDS; second++) {
      const next = delay(1_000);
      await platform.call(big, "POST", `/api/workflows/${bigWorkflow}/executions/batch`, { body: batch });
      submitted += inputs.length;
      await next;
    }
  };
  // The first second of a flood that a process ever sees compiles its code and prepares its statements.
  await Promise.all([sample(), flood()]);
  await awaitEnds(platform.admin, [bigWorkflow], submitted);
  const [alone, beside]: [Run[], Run[]] = [[], []];
  let drainMs = 0;
  for (let round = 0; round < seconds / ROUND_SECONDS; round++) {
    alone.push(...(await sample()));
    const [runs] = await Promise.all([sample(), flood()]);
    beside.push(...runs);
    const floodedAt = performance.now();
    await awaitEnds(platform.admin, [bigWorkflow], submitted);
    drainMs = Math.max(drainMs, performance.now() - floodedAt);
  }
  const flooded = { bigSubmitted: submitted, longestDrainMs: round(drainMs) };
  return [
    { name: "small tenant alone p95", unit: "ms", value: p95(alone), ...describe(alone) },
    {
      name: "small tenant beside overload p95",
      unit: "ms",
      value: p95(beside),
      ...describe(beside),
      ...flooded,
    },
    { name: "small tenant's p95 under overload", unit: "ratio", value: round(p95(beside) / p95(alone)) },
  ];
}

const times = (runs: readonly Run[], key: keyof Run, percent: number) =>
  round(
    percentile(
      runs.map((one) => one[key]),
      percent,
    ),
  );

const p95 = (runs: readonly Run[]) => times(runs, "totalMs", 95);

/** Of each stage the p50 and the p95. */
function describe(runs: readonly Run[]) {
  const stages = STAGES.map((stage) => [stage, [50, 95].map((percent) => times(runs, stage, percent))]);
  return { p50: times(runs, "totalMs", 50), ...Object.fromEntries(stages) };
}
