// What a second worker adds where slots are what is short, as with nodes that wait for others: 20 slots each, 100 ms a run.
import { awaitEnds } from "./await-ends.ts";
import { pauseGraph } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";

const BATCH = 1_000;
const BATCHES = 3;
export const SLOTS = 20;

/** Two processors are too few for two busy workers beside their database: it is waiting that is shared here. */
export async function measureSecondWorker(
  platform: PlatformUnderLoad,
  addWorker: () => Promise<unknown>,
): Promise<Measurement[]> {
  await rateOf(platform, 1);
  const one = await rateOf(platform, BATCHES);
  await addWorker();
  await rateOf(platform, 1);
  const two = await rateOf(platform, BATCHES);
  const detail = { slots: SLOTS, one, two, executions: BATCH * BATCHES };
  return [{ name: "two workers / one", unit: "ratio", value: round(two / one), ...detail }];
}

async function rateOf(platform: PlatformUnderLoad, batches: number): Promise<number> {
  const [user] = platform.users;
  const workflowId = await platform.createWorkflow(user, pauseGraph(100));
  const body = JSON.stringify({ inputs: Array.from({ length: BATCH }, () => null) });
  const startedMs = Date.now();
  for (let batch = 0; batch < batches; batch++) {
    await platform.call(user, "POST", `/api/workflows/${workflowId}/executions/batch`, { body });
  }
  const { lastMs } = await awaitEnds(platform.admin, [workflowId], BATCH * batches);
  return round((BATCH * batches * 1_000) / (lastMs - startedMs));
}
