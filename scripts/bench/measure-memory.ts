// Whether memory grows: a closed loop at full speed for the whole time, looked at every second.
import { setTimeout as delay } from "node:timers/promises";
import { runLoop } from "./measure-closed-loop.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";
import { residentMegabytes } from "./resident-memory.ts";

const LOOK_MS = 1_000;
const ROLES = ["api", "worker", "scheduler"] as const;

/** `grown`: the median of the last fifth of the time to that of the second one; the first fifth warms up. */
export async function measureMemory(platform: PlatformUnderLoad, seconds: number): Promise<Measurement[]> {
  const samples: Record<string, number[]> = Object.fromEntries(ROLES.map((role) => [role, []]));
  const ended = new AbortController();
  const look = async () => {
    while (!ended.signal.aborted) {
      for (const role of ROLES) samples[role]?.push(await residentMegabytes(platform.pids[role] ?? 0));
      await delay(LOOK_MS);
    }
  };
  const run = runLoop(platform, seconds).finally(() => ended.abort());
  const [{ latencies }] = await Promise.all([run, look()]);
  return ROLES.map((role) => {
    const taken = samples[role] ?? [];
    const fifth = Math.floor(taken.length / 5);
    const median = (from: number, to: number) => round(percentile(taken.slice(from, to), 50));
    const [early, late] = [median(fifth, 2 * fifth), median(4 * fifth, taken.length)];
    return {
      name: `memory of the ${role}, peak over ${seconds} s of closed loop`,
      unit: "MB",
      value: round(Math.max(...taken)),
      early,
      late,
      grown: round(late / early),
      executions: latencies.length,
    };
  });
}
