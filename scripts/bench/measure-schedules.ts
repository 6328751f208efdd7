// How late schedules fire with many of them, spread over the minute and all at one instant, and what idle ones cost.
import { setTimeout as delay } from "node:timers/promises";
import { type Costs, shareCosts } from "./count-costs.ts";
import { fillSchedules, fillTimers, type Owned } from "./fill-schedules.ts";
import { benchGraph } from "./graphs.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";

const WARM_UP_MS = 15_000;
const SPREAD_MS = 45_000;
const IDLE_SECONDS = 10;
const IDLE_WINDOWS = 3;
const SETTLE_MS = 3_000;
/** All of one pattern, which is compiled once, and each of a pattern of its own, more than are ever kept compiled. */
const ONE_PATTERN = { mark: "once", cron: "'0 0 1 1 *'", what: "schedules at one instant" } as const;
const OWN_PATTERNS = {
  mark: "distinct",
  cron: "concat_ws(' ', n % 60, n / 60 % 60, n / 3600 % 24, '1 1 *')",
  what: "schedules of as many patterns at one instant",
} as const;
const IDLE_COUNTS = [0, 10_000, 100_000] as const;
const TIMERS = 100_000;

type Instants = { slot: Date; fired: Date; claimed: Date; finished: Date };

export async function measureSchedules(
  platform: PlatformUnderLoad,
  count: number,
  note: (line: string) => void,
): Promise<Measurement[]> {
  const owned = await Promise.all(
    platform.users.map(async (user) => [user, await platform.createWorkflow(user, benchGraph())] as const),
  );
  const [first, ...others] = owned;
  if (!first) throw new Error("nobody is there");
  const spread = await measureSpread(platform, owned, count, note);
  const once = await measureOneInstant(platform, owned, count, note, ONE_PATTERN);
  const distinct = await measureOneInstant(platform, owned, count, note, OWN_PATTERNS);
  for (const { name, p50Ms, value, maxMs } of [...spread, ...once, ...distinct])
    note(`${name}: ${p50Ms} ${value} ${maxMs}`);
  const idle = await measureIdle(platform, owned, note);
  await fillTimers(platform.admin, [first, ...others], TIMERS);
  const timers = await idleCosts(platform);
  note(`with ${TIMERS} timers: ${JSON.stringify(timers.microseconds)} µs of processor time a second`);
  return [...spread, ...once, ...distinct, ...idle, idleLine(`with ${TIMERS} pending timers`, timers)];
}

/** Each fires once a minute, as many in every second of it. */
async function measureSpread(
  platform: PlatformUnderLoad,
  owned: Owned,
  count: number,
  note: (line: string) => void,
): Promise<Measurement[]> {
  note(`${count} schedules, each every minute`);
  const { admin } = platform;
  await fillSchedules(admin, owned, count, {
    mark: "spread",
    cron: "(n % 60)::text || ' * * * * *'",
    next: "date_trunc('minute', now()) + interval '1 minute' + (n % 60) * interval '1 second'",
  });
  const startsAt = Math.ceil(Date.now() / 60_000) * 60_000 + WARM_UP_MS;
  await delay(startsAt - Date.now());
  const before = await platform.readCosts();
  await delay(SPREAD_MS);
  const costs = shareCosts(before, await platform.readCosts(), (count * SPREAD_MS) / 60_000);
  await admin.query("update schedules set enabled = false where name = 'spread'");
  await untilIdle(platform);
  const instants = (await readInstants(platform, "spread")).filter(
    ({ slot }) => Number(slot) >= startsAt && Number(slot) < startsAt + SPREAD_MS,
  );
  return latencies(`${count} schedules over a minute`, instants, { costsPerFire: costs });
}

async function measureOneInstant(
  platform: PlatformUnderLoad,
  owned: Owned,
  count: number,
  note: (line: string) => void,
  { mark, cron, what }: typeof ONE_PATTERN | typeof OWN_PATTERNS,
): Promise<Measurement[]> {
  note(`${count} ${what}`);
  const next = "date_trunc('second', now()) + interval '8 seconds'";
  await fillSchedules(platform.admin, owned, count, { mark, cron, next });
  await untilIdle(platform, { mark, more: count });
  const instants = await readInstants(platform, mark);
  const last = Math.max(...instants.map(({ slot, fired }) => Number(fired) - Number(slot)));
  return latencies(`${count} ${what}`, instants, {
    firesPerSecond: round((instants.length * 1_000) / last),
  });
}

function latencies(
  name: string,
  instants: readonly Instants[],
  detail: Record<string, unknown>,
): Measurement[] {
  const lineOf = (what: string, until: keyof Instants) => {
    const samples = instants.map((one) => Number(one[until]) - Number(one.slot));
    const at = (percent: number) => round(percentile(samples, percent));
    const more = { p50Ms: at(50), maxMs: at(100), samples: samples.length, ...detail };
    return { name: `${name}, slot to ${what} p99`, unit: "ms" as const, value: at(99), ...more };
  };
  return [lineOf("row", "fired"), lineOf("claim", "claimed"), lineOf("end", "finished")];
}

async function measureIdle(
  platform: PlatformUnderLoad,
  owned: Owned,
  note: (line: string) => void,
): Promise<Measurement[]> {
  const lines: Measurement[] = [];
  await platform.admin.query("delete from schedules");
  let before = 0;
  for (const count of IDLE_COUNTS) {
    const cron = "'0 0 1 1 *'";
    await fillSchedules(platform.admin, owned, count - before, {
      mark: "idle",
      cron,
      next: "now() + interval '1 day'",
    });
    before = count;
    const costs = await idleCosts(platform);
    note(`with ${count} idle schedules: ${JSON.stringify(costs.microseconds)} µs of processor time a second`);
    lines.push(idleLine(`with ${count} idle schedules`, costs));
  }
  return lines;
}

function idleLine(name: string, costs: Costs): Measurement {
  const value = round(busy(costs) / 1_000);
  return { name: `processor time a second of scheduler and PostgreSQL ${name}`, unit: "ms", value, ...costs };
}

/**
 * A second of all roles with nothing to do: the cheapest of some windows, since what was filled in is still being vacuumed
 * and written to the disk for a while.
 */
async function idleCosts({ admin, readCosts }: PlatformUnderLoad): Promise<Costs> {
  await admin.query("checkpoint");
  await delay(SETTLE_MS);
  const windows: Costs[] = [];
  for (let window = 0; window < IDLE_WINDOWS; window++) {
    const before = await readCosts();
    await delay(IDLE_SECONDS * 1_000);
    windows.push(shareCosts(before, await readCosts(), IDLE_SECONDS));
  }
  return windows.reduce((least, one) => (busy(one) < busy(least) ? one : least));
}

function busy({ microseconds: { scheduler = 0, postgres = 0 } }: Costs): number {
  return scheduler + postgres;
}

/** Until `more` schedules of a mark have fired, and everything has ended. */
async function untilIdle(
  { admin }: PlatformUnderLoad,
  { mark, more } = { mark: "", more: 0 },
): Promise<void> {
  for (;;) {
    const { rows } = await admin.query<{ fired: number; live: boolean }>(
      `select (select count(*)::int from schedule_fires f join schedules s on s.id = f.schedule_id where s.name = $1) fired,
         exists (select from workflow_executions where status in ('queued', 'running')) live`,
      [mark],
    );
    if ((rows[0]?.fired ?? 0) >= more && !rows[0]?.live) return;
    await delay(500);
  }
}

async function readInstants({ admin }: PlatformUnderLoad, mark: string): Promise<Instants[]> {
  const { rows } = await admin.query<Instants>(
    `select f.scheduled_for slot, f.fired_at fired, e.started_at claimed, e.finished_at finished
     from schedule_fires f join schedules s on s.id = f.schedule_id
     join workflow_executions e on e.id = f.execution_id
     where s.name = $1 and e.status = 'succeeded'`,
    [mark],
  );
  return rows;
}
