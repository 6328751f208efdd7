// How long a page of a search takes, for each filter alone and within a week.
import type pg from "pg";
import { type AuditFilter, listAuditLogs } from "../../core/persistence/audit/audit-logs-page.ts";
import type { Database } from "../../core/persistence/database.ts";
import type { SearchableChains } from "./fill-audit-log.ts";
import { type Measurement, round } from "./measurement.ts";
import { percentile } from "./percentile.ts";

const ROUNDS = 20;
const PAGE = 50;
const PATIENCE_MS = 120_000;

export async function measureAuditSearch(
  database: Database,
  admin: pg.Client,
  { big }: SearchableChains,
  rows: number,
): Promise<Measurement[]> {
  const find = (filter: AuditFilter) =>
    database.transaction({ workspaceIds: [big] }, (tx) => listAuditLogs(tx, big, filter, { limit: PAGE }));
  const filters = await chooseFilters(admin, big, rows);
  const samples = new Map<string, number[]>();
  const deadline = performance.now() + PATIENCE_MS;
  // Round by round, so that a busy moment of the machine hits all of them.
  for (let round = 0; round < ROUNDS && performance.now() < deadline; round++) {
    for (const [name, filter] of Object.entries(filters)) {
      for (const [suffix, range] of Object.entries(ranges(rows, round))) {
        const startedAt = performance.now();
        await find({ ...filter, ...range });
        const taken = samples.get(name + suffix) ?? [];
        samples.set(name + suffix, [...taken, performance.now() - startedAt]);
      }
    }
  }
  const p95s = [...samples].map(([name, taken]) => [name, round(percentile(taken, 95))] as const);
  const [worst = ["", 0]] = p95s.toSorted(([, a], [, b]) => b - a);
  return [
    {
      name: "audit search p95",
      unit: "ms",
      value: round(percentile([...samples.values()].flat(), 95)),
      rows,
      worst: worst[0],
      worstP95: worst[1],
      p95s: Object.fromEntries(p95s),
    },
  ];
}

/** All of the time, and another week in each round: an entry came each 6 seconds. */
function ranges(rows: number, round: number): Record<string, AuditFilter> {
  const ago = (share: number) => Date.now() - share * rows * 6_000;
  const from = ago((round + 1) / (ROUNDS + 1));
  const to = from + 7 * 24 * 3_600_000;
  return {
    "": {},
    " in a week": { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
  };
}

async function chooseFilters(
  admin: pg.Client,
  chainId: string,
  rows: number,
): Promise<Record<string, AuditFilter>> {
  const middle = Math.floor(rows / 16) * 8 + 1;
  const { rows: found } = await admin.query<{ targetId: string }>(
    `select target_id as "targetId" from audit_logs where chain_id = $1 and seq = $2`,
    [chainId, middle],
  );
  const actors = await admin.query<{ actorId: string }>(
    "select md5('actor' || n)::uuid as \"actorId\" from unnest(array[0, 49]) n",
  );
  return {
    "no filter": {},
    "busy actor": { ...actors.rows[0] },
    "idle actor": { ...actors.rows[1] },
    "common action": { action: "execution.done" },
    "rare action": { action: "workspace.done" },
    target: { ...found[0] },
    "common type": { targetType: "execution" },
    "rare type": { targetType: "credential" },
    "rarest type": { targetType: "workspace" },
    "common word": { q: "done" },
    "1 in 7 word": { q: "3" },
    "1 in 1000 word": { q: "name77" },
    "two words": { q: "name77 execution" },
    "rare word": { q: `once${middle}` },
    "no such word": { q: "nowhere" },
    "actor and type": { ...actors.rows[0], targetType: "credential" },
    "actor and word": { ...actors.rows[0], q: "name77" },
  };
}
