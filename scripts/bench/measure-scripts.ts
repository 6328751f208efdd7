// What a small script costs in a warm pool: one tenant after itself, tenants in turn, and many at once.
import { createScriptRunner } from "../../core/script/script-runner.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";

const WARM_UP = 200;
const SAMPLES = 1_000;
/** Each its first script in a while: an engine of its own every time. */
const TENANTS = 300;
const AT_ONCE = 2_000;

/** Needs no platform: processes of this one, as a worker has them. */
export async function measureScripts(): Promise<Measurement[]> {
  const runner = createScriptRunner();
  const { signal } = new AbortController();
  const execution = { id: "bench", startedAt: "2026-03-01T12:00:00.000Z" };
  const data = { input: { qty: 2, price: 21 }, nodes: {}, trigger: null, execution };
  const source = "return input.qty * input.price";
  const run = (key: string) => runner.run({ source, data, seed: "", timeoutMs: 5_000, key, signal });
  const timeEach = async (count: number, keyOf: (index: number) => string) => {
    const samples: number[] = [];
    for (let index = 0; index < count; index++) {
      const start = performance.now();
      await run(keyOf(index));
      samples.push(performance.now() - start);
    }
    return samples;
  };
  const line = (name: string, samples: readonly number[]): Measurement => {
    const [p50, p99] = [percentile(samples, 50), percentile(samples, 99)];
    return { name, unit: "ms", value: round(p50), p99: round(p99), samples: samples.length };
  };
  try {
    await timeEach(WARM_UP, () => "one");
    const own = line("script p50, one at a time", await timeEach(SAMPLES, () => "one"));
    const turns = line("script p50, tenants in turn", await timeEach(TENANTS, (index) => `tenant ${index}`));
    const start = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, () => run("one")));
    const value = round((AT_ONCE * 1_000) / (performance.now() - start));
    return [own, turns, { name: "scripts at once", unit: "jobs/s", value, samples: AT_ONCE }];
  } finally {
    await runner.close();
  }
}
