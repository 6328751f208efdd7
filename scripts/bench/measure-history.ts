// Whether history costs anything: two platforms side by side, one with a year of finished executions, in turns.
import { measureClosedLoop } from "./measure-closed-loop.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import type { PlatformUnderLoad, User } from "./platform-under-load.ts";

/** Pairs of loops; every second pair begins with the other platform, so that a trend of the machine meets both. */
const PAIRS = 4;
const READS = 100;

type Summary = { id: string };
type Page = { items: Summary[]; nextCursor: string | null };

/** The quotient of the medians, and that of each pair. */
export async function compareLoops(
  { filled, empty, rows }: { filled: PlatformUnderLoad; empty: PlatformUnderLoad; rows: number },
  seconds: number,
  note: (line: string) => void,
): Promise<Measurement> {
  const loops: { with: Loop; without: Loop }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const emptyFirst = pair % 2 === 0;
    const first = await measureLoop(emptyFirst ? empty : filled, seconds);
    const second = await measureLoop(emptyFirst ? filled : empty, seconds);
    const [without, withHistory] = emptyFirst ? [first, second] : [second, first];
    note(`pair ${pair + 1}: ${withHistory.rate} with history, ${without.rate} without`);
    loops.push({ with: withHistory, without });
  }
  const median = (side: keyof (typeof loops)[number]) =>
    percentile(
      loops.map((loop) => loop[side].rate),
      50,
    );
  return {
    name: "throughput with history / without",
    unit: "ratio",
    value: round(median("with") / median("without")),
    pairs: loops.map((loop) => round(loop.with.rate / loop.without.rate)),
    rows,
    loops,
  };
}

type Loop = { rate: number; perExecution: unknown };

async function measureLoop(platform: PlatformUnderLoad, seconds: number): Promise<Loop> {
  const lines = await measureClosedLoop(platform, seconds);
  const line = lines.find(({ name }) => name === "closed-loop executions");
  return { rate: line?.value ?? 0, perExecution: line?.perExecution };
}

/** Pages of all kinds, single executions of every age and their steps. */
export async function measureAllReads(
  platform: PlatformUnderLoad,
  { user, workflowId, rows }: { user: User; workflowId: string; rows: number },
): Promise<Measurement[]> {
  const lines: Measurement[] = [];
  for (const [name, filter] of Object.entries({
    "newest page": "",
    "page of a workflow": `&workflowId=${workflowId}`,
    "page of failures": "&status=failed",
    "page of last spring": `&to=${new Date(Date.now() - 200 * 24 * 3_600_000).toISOString()}`,
  })) {
    const path = () => `/api/executions?limit=50${filter}`;
    lines.push(await measureReads(platform, user, `${name}, ${rows} executions`, path));
  }
  const ids = await collectIds(platform, user);
  const pick = (index: number) => ids[(index * 37) % ids.length];
  const one = (index: number) => `/api/executions/${pick(index)}`;
  const steps = (index: number) => `${one(index)}/steps`;
  lines.push(await measureReads(platform, user, `read of one, ${rows} executions`, one));
  lines.push(await measureReads(platform, user, `steps of one, ${rows} executions`, steps));
  return lines;
}

async function measureReads(
  platform: PlatformUnderLoad,
  user: User,
  name: string,
  path: (index: number) => string,
): Promise<Measurement> {
  const samples: number[] = [];
  for (let index = 0; index < READS; index++) {
    const sentAt = performance.now();
    await platform.call(user, "GET", path(index));
    samples.push(performance.now() - sentAt);
  }
  const at = (percent: number) => round(percentile(samples, percent));
  return { name: `${name}, p95`, unit: "ms", value: at(95), p50Ms: at(50), p99Ms: at(99), samples: READS };
}

/** Of different ages: the newest ones, and some of each month. */
async function collectIds(platform: PlatformUnderLoad, user: User): Promise<string[]> {
  const ids: string[] = [];
  for (let month = 0; month < 12; month++) {
    const to = new Date(Date.now() - month * 30 * 24 * 3_600_000).toISOString();
    const { items } = await platform.call<Page>(user, "GET", `/api/executions?limit=20&to=${to}`);
    ids.push(...items.map((item) => item.id));
  }
  return ids;
}
