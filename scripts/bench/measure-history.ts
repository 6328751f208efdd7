// Whether history costs anything: throughput before and after it was filled, pages and reads in the midst of it.
import { fillHistory } from "./fill-history.ts";
import { benchGraph } from "./graphs.ts";
import { measureClosedLoop } from "./measure-closed-loop.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import type { PlatformUnderLoad, User } from "./platform-under-load.ts";

const READS = 100;

type Summary = { id: string };
type Page = { items: Summary[]; nextCursor: string | null };

export async function measureHistory(
  platform: PlatformUnderLoad,
  options: { rows: number; seconds: number; note: (line: string) => void },
): Promise<Measurement[]> {
  const { rows, seconds, note } = options;
  const owned: [User, string][] = [];
  for (const user of platform.users) owned.push([user, await platform.createWorkflow(user, benchGraph())]);
  const before = await measureLoop(platform, seconds);
  note(`filling in ${rows} executions`);
  await fillHistory(platform.admin, owned, rows, note);
  const after = await measureLoop(platform, seconds);
  const [[user, workflowId] = []] = owned;
  if (!user || !workflowId) throw new Error("nobody is there");
  const ratio = round(after.rate / before.rate);
  const lines: Measurement[] = [
    { name: "throughput with history / without", unit: "ratio", value: ratio, rows, before, after },
  ];
  for (const [name, filter] of Object.entries({
    "newest page": "",
    "page of a workflow": `&workflowId=${workflowId}`,
    "page of failures": "&status=failed",
    "page of last spring": `&to=${new Date(Date.now() - 200 * 24 * 3_600_000).toISOString()}`,
  })) {
    lines.push(
      await measureReads(
        platform,
        user,
        `${name}, ${rows} executions`,
        () => `/api/executions?limit=50${filter}`,
      ),
    );
  }
  const ids = await collectIds(platform, user);
  const pick = (index: number) => ids[(index * 37) % ids.length];
  lines.push(
    await measureReads(
      platform,
      user,
      `read of one, ${rows} executions`,
      (n) => `/api/executions/${pick(n)}`,
    ),
    await measureReads(
      platform,
      user,
      `steps of one, ${rows} executions`,
      (n) => `/api/executions/${pick(n)}/steps`,
    ),
  );
  return lines;
}

async function measureLoop(platform: PlatformUnderLoad, seconds: number) {
  const lines = await measureClosedLoop(platform, seconds);
  const line = lines.find(({ name }) => name === "closed-loop executions");
  return { rate: line?.value ?? 0, perExecution: line?.perExecution };
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
