// Batches of 1,000 inputs, one after the other.
import { awaitEnds } from "./await-ends.ts";
import { benchGraph, benchInput } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";

const batchSize = 1_000;
const batches = 5;

export async function measureBatch(platform: PlatformUnderLoad): Promise<Measurement[]> {
  const [user] = platform.users;
  const workflowId = await platform.createWorkflow(user, benchGraph());
  const body = JSON.stringify({ inputs: Array.from({ length: batchSize }, (_, index) => benchInput(index)) });
  const startedMs = Date.now();
  for (let batch = 0; batch < batches; batch++) {
    await platform.call(user, "POST", `/api/workflows/${workflowId}/executions/batch`, { body });
  }
  const acceptedMs = Date.now();
  const submitted = batchSize * batches;
  const { lastMs } = await awaitEnds(platform.admin, [workflowId], submitted);
  const perSecond = (untilMs: number) => round((submitted / (untilMs - startedMs)) * 1_000);
  const details = { submitted, batchSize };
  return [
    { name: "batch accepted", unit: "executions/s", value: perSecond(acceptedMs), ...details },
    { name: "batch executions", unit: "executions/s", value: perSecond(lastMs), ...details },
  ];
}
