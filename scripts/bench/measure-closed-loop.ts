// Closed loop: so many clients, each submits again as soon as it was answered; then until all have ended.
import { awaitEnds } from "./await-ends.ts";
import { CLIENTS } from "./connect-users.ts";
import { shareCosts } from "./count-costs.ts";
import { benchGraph, benchInput } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import type { PlatformUnderLoad, User } from "./platform-under-load.ts";

const warmUpSeconds = 3;

export async function measureClosedLoop(
  platform: PlatformUnderLoad,
  seconds: number,
): Promise<Measurement[]> {
  await runLoop(platform, warmUpSeconds);
  const before = await platform.readCosts();
  const { workflows, startedMs, acceptedMs, latencies } = await runLoop(platform, seconds);
  const submitted = latencies.length;
  const { lastMs } = await awaitEnds(platform.admin, workflows, submitted);
  const costs = shareCosts(before, await platform.readCosts(), submitted);
  const details = { clients: CLIENTS, submitted, warmUpSeconds, durability: platform.durability };
  return [
    {
      name: "closed-loop accepted",
      unit: "requests/s",
      value: round((submitted / (acceptedMs - startedMs)) * 1_000),
      p50Ms: round(percentile(latencies, 50)),
      p99Ms: round(percentile(latencies, 99)),
      ...details,
    },
    {
      name: "closed-loop executions",
      unit: "executions/s",
      value: round((submitted / (lastMs - startedMs)) * 1_000),
      fromTo: "first submit to the last finished_at in the database",
      drainMs: Math.round(lastMs - acceptedMs),
      perExecution: costs,
      ...details,
    },
  ];
}

/** Resolves when all that was submitted in so many seconds has succeeded; `latencies` in ms. */
export async function runLoop(platform: PlatformUnderLoad, seconds: number) {
  const owned: [User, string][] = await Promise.all(
    platform.users.map(
      async (user) => [user, await platform.createWorkflow(user, benchGraph())] as [User, string],
    ),
  );
  const latencies: number[] = [];
  const startedMs = Date.now();
  const until = startedMs + seconds * 1_000;
  const client = async (index: number) => {
    const [user, workflowId] = owned[index % owned.length] as [User, string];
    const path = `/api/workflows/${workflowId}/executions`;
    while (Date.now() < until) {
      const body = JSON.stringify({ input: benchInput(latencies.length) });
      const sentAt = performance.now();
      await platform.call(user, "POST", path, { body });
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  const acceptedMs = Date.now();
  const workflows = owned.map(([, workflowId]) => workflowId);
  await awaitEnds(platform.admin, workflows, latencies.length);
  return { workflows, startedMs, acceptedMs, latencies };
}
