// Pages of one audit chain, newest first, by who, what, when and the words in it.
import { writeWordQuery } from "../../domain/audit-words.ts";
import type { Executor } from "../database.ts";
import { type Sql, sql } from "../sql.ts";

export type AuditLog = {
  id: string;
  at: string;
  actorId: string | null;
  /** Of a member of the chain's workspace; null for everybody else. */
  actorName: string | null;
  actorEmail: string | null;
  action: string;
  targetType: string;
  targetId: string | null;
  /** Null also when they were erased. */
  details: unknown;
  seq: number;
  /** Hex. */
  hash: string;
};

export type AuditFilter = {
  actorId?: string | undefined;
  action?: string | undefined;
  targetId?: string | undefined;
  targetType?: string | undefined;
  /** ISO: from inclusive, to exclusive. */
  from?: string | undefined;
  to?: string | undefined;
  /** Whole words, all of which stand in the action, the target or the details. */
  q?: string | undefined;
};

/** Where an entry stands in the order: entries of one millisecond, and imported ones, by their number. */
export type AuditPosition = { at: string; seq: number };

export type AuditPage = { before?: AuditPosition | undefined; upTo?: number | undefined; limit: number };

// A word that stands in one of 60 entries fills a page of 50 from here; rarer ones are looked up by their own index. Each
// 1,000 entries are some 190 pages to read, each entry the index names may be one.
const RECENT = 3_000;

/** The executor must be a transaction that may see the chain. */
export async function listAuditLogs(
  tx: Executor,
  chainId: string,
  filter: AuditFilter,
  page: AuditPage,
): Promise<AuditLog[]> {
  const words = writeWords(chainId, filter);
  if (words === null) return readRows(tx, chainId, await findNewest(tx, chainId, filter, page));
  const search = { chainId, words, filter, page };
  const seqs = (await findRecent(tx, search)) ?? (await findByIndex(tx, search));
  return readRows(tx, chainId, seqs);
}

/** The next entries of an export, where a long search may take its time. */
export async function readAuditLogs(
  tx: Executor,
  chainId: string,
  filter: AuditFilter,
  page: AuditPage,
): Promise<AuditLog[]> {
  const words = writeWords(chainId, filter);
  const byWords = words === null ? sql`` : sql`and words @@ ${words}::tsquery`;
  return readRows(tx, chainId, await findNewest(tx, chainId, filter, page, byWords));
}

/** With a text, the type is one word more; alone it has an index in the order of time. */
function writeWords(chainId: string, { q, targetType }: AuditFilter): string | null {
  return q === undefined ? null : writeWordQuery(chainId, { text: q, targetType });
}

async function findNewest(
  tx: Executor,
  chainId: string,
  filter: AuditFilter,
  page: AuditPage,
  byWords: Sql = sql``,
): Promise<number[]> {
  const rows = await walkIndex(tx, () =>
    tx.many<{ seq: number }>(sql`
      select seq from audit_logs where ${conditions(chainId, filter, page)} ${byWords} ${newestFirst(page.limit)}`),
  );
  return rows.map((row) => row.seq);
}

/**
 * Lets PostgreSQL walk an index in its order only. The policies make it expect a fiftieth of a chain's entries, so that
 * it sorted 3 million for the newest 10,000: 14 s instead of some ms.
 */
async function walkIndex<Result>(tx: Executor, work: () => Promise<Result>): Promise<Result> {
  await tx.run(
    sql`select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_sort', 'off', true)`,
  );
  const result = await work();
  await tx.run(sql`select set_config('enable_sort', 'on', true)`);
  return result;
}

function conditions(chainId: string, filter: AuditFilter, { before, upTo }: AuditPage): Sql {
  const { actorId, action, targetId, targetType, from, to } = filter;
  return sql`chain_id = ${chainId}
    ${actorId === undefined ? sql`` : sql`and actor_id = ${actorId}`}
    ${action === undefined ? sql`` : sql`and action = ${action}`}
    ${targetId === undefined ? sql`` : sql`and target_id = ${targetId}`}
    ${targetType === undefined ? sql`` : sql`and target_type = ${targetType}`}
    ${from === undefined ? sql`` : sql`and at >= ${from}`}
    ${to === undefined ? sql`` : sql`and at < ${to}`}
    ${before === undefined ? sql`` : sql`and (at, seq) < (${before.at}::timestamptz, ${before.seq}::bigint)`}
    ${upTo === undefined ? sql`` : sql`and seq <= ${upTo}`}`;
}

function newestFirst(limit: number): Sql {
  return sql`order by at desc, seq desc limit ${limit}`;
}

type Search = { chainId: string; words: string; filter: AuditFilter; page: AuditPage };

/** Null when the newest entries neither fill the page nor are all there are. */
async function findRecent(tx: Executor, { chainId, words, filter, page }: Search): Promise<number[] | null> {
  const row = await walkIndex(tx, () =>
    tx.one<{ seen: number; seqs: number[] }>(sql`
    with recent as materialized (
      select at, seq, words from audit_logs where ${conditions(chainId, filter, page)} ${newestFirst(RECENT)}
    ), hits as (
      select seq from recent where words @@ ${words}::tsquery ${newestFirst(page.limit)}
    )
    select (select count(*) from recent) as seen,
      coalesce((select array_agg(seq::float8) from hits), '{}') as seqs`),
  );
  if (!row) return [];
  return row.seqs.length >= page.limit || row.seen < RECENT ? row.seqs : null;
}

async function findByIndex(tx: Executor, { chainId, words, filter, page }: Search): Promise<number[]> {
  const { actorId = null, action = null, targetId = null, from = null, to = null } = filter;
  const rows = await tx.many<{ seq: number }>(sql`
    select seq from identity_find_audit_words(${chainId}, ${words}::tsquery, ${actorId}, ${action}, ${targetId},
      ${from}, ${to}, ${page.before?.at ?? null}, ${page.before?.seq ?? null}, ${page.limit})`);
  return rows.map((row) => row.seq);
}

/** Names only of those who are members, whatever else the policies would show. */
async function readRows(tx: Executor, chainId: string, seqs: readonly number[]): Promise<AuditLog[]> {
  if (seqs.length === 0) return [];
  return tx.many<AuditLog>(sql`
    select l.id, l.at, l.actor_id as "actorId", u.name as "actorName", u.email as "actorEmail", l.action,
      l.target_type as "targetType", l.target_id as "targetId", l.details, l.seq, encode(l.hash, 'hex') as hash
    from audit_logs l
    left join workspace_members m on m.workspace_id = ${chainId} and m.user_id = l.actor_id
    left join users u on u.id = m.user_id
    where l.chain_id = ${chainId} and l.seq = any (${seqs}::bigint[])
    order by l.at desc, l.seq desc`);
}
