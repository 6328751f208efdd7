// What a second worker adds where slots are what is short, as with nodes that wait for others (20 slots each, 400 ms a
// run), and what a worker costs the servers that has nothing to do.
import { setTimeout as delay } from "node:timers/promises";
import { awaitEnds } from "./await-ends.ts";
import { type Costs, shareCosts } from "./count-costs.ts";
import { pauseGraph } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";

const BATCH = 500;
const PAUSE_MS = 400;
const BATCHES = 2;
const IDLE_SECONDS = 20;
const SETTLE_MS = 3_000;
export const SLOTS = 20;

/** Two processors are too few for two busy workers beside their database: it is waiting that is shared here. */
export async function measureSecondWorker(
  platform: PlatformUnderLoad,
  addWorker: () => Promise<unknown>,
): Promise<Measurement[]> {
  await rateOf(platform, 1);
  const one = await rateOf(platform, BATCHES);
  const idleOne = await idleCosts(platform);
  await addWorker();
  await rateOf(platform, 1);
  const two = await rateOf(platform, BATCHES);
  const idleTwo = await idleCosts(platform);
  const detail = { slots: SLOTS, one, two, executions: BATCH * BATCHES };
  return [
    { name: "two workers / one", unit: "ratio", value: round(two / one), ...detail },
    {
      name: "an idle worker's commits",
      unit: "per second",
      value: round(idleTwo.commits - idleOne.commits),
      redisCommands: round(idleTwo.redisCommands - idleOne.redisCommands),
      allRoles: { one: idleOne, two: idleTwo },
    },
  ];
}

/** A second of all roles with nothing to do. */
async function idleCosts(platform: PlatformUnderLoad): Promise<Costs> {
  await delay(SETTLE_MS);
  const before = await platform.readCosts();
  await delay(IDLE_SECONDS * 1_000);
  return shareCosts(before, await platform.readCosts(), IDLE_SECONDS);
}

async function rateOf(platform: PlatformUnderLoad, batches: number): Promise<number> {
  const [user] = platform.users;
  const workflowId = await platform.createWorkflow(user, pauseGraph(PAUSE_MS));
  const body = JSON.stringify({ inputs: Array.from({ length: BATCH }, () => null) });
  const startedMs = Date.now();
  for (let batch = 0; batch < batches; batch++) {
    await platform.call(user, "POST", `/api/workflows/${workflowId}/executions/batch`, { body });
  }
  const { lastMs } = await awaitEnds(platform.admin, [workflowId], BATCH * batches);
  return round((BATCH * batches * 1_000) / (lastMs - startedMs));
}
