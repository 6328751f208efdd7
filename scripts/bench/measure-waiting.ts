// One execution at a time, submitted with Prefer: wait: milliseconds from the request to the result in hand.
import { benchGraph, benchInput, chainGraph, forEachGraph } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";

type Plan = {
  name: string;
  graph: object;
  input: (index: number) => object;
  samples: number;
  warmUp: number;
};

export function measureWait(platform: PlatformUnderLoad): Promise<Measurement[]> {
  return measure(platform, {
    name: "wait",
    graph: benchGraph(),
    input: benchInput,
    samples: 300,
    // A server that has just started still runs most of its code uncompiled: a fifth more processor time a request.
    warmUp: 500,
  });
}

export function measureChain(platform: PlatformUnderLoad): Promise<Measurement[]> {
  const plan = { name: "chain of 100 nodes", graph: chainGraph(100), samples: 10, warmUp: 3 };
  return measure(platform, { ...plan, input: (n) => ({ n }) });
}

export function measureForEach(platform: PlatformUnderLoad): Promise<Measurement[]> {
  const items = Array.from({ length: 1_000 }, (_, index) => index);
  const plan = { name: "forEach over 1,000 items", graph: forEachGraph(), samples: 5, warmUp: 2 };
  return measure(platform, { ...plan, input: () => ({ items }) });
}

async function measure(platform: PlatformUnderLoad, plan: Plan): Promise<Measurement[]> {
  const [user] = platform.users;
  const workflowId = await platform.createWorkflow(user, plan.graph);
  const samples: number[] = [];
  for (let index = -plan.warmUp; index < plan.samples; index++) {
    const body = JSON.stringify({ input: plan.input(index) });
    const sentAt = performance.now();
    const ended = await platform.call<{ status: string }>(
      user,
      "POST",
      `/api/workflows/${workflowId}/executions`,
      {
        body,
        headers: { prefer: "wait=60" },
      },
    );
    if (index >= 0) samples.push(performance.now() - sentAt);
    if (ended.status !== "succeeded") throw new Error(`${plan.name}: ${JSON.stringify(ended)}`);
  }
  const at = (percent: number) => round(percentile(samples, percent));
  const details = { p95Ms: at(95), p99Ms: at(99), samples: plan.samples, warmUp: plan.warmUp };
  return [{ name: `${plan.name} p50`, unit: "ms", value: at(50), ...details }];
}
