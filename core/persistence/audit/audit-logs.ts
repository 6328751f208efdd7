// The audit log: append-only, one hash chain per workspace and one for the instance.
import { hash as hashOnce, randomFillSync } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { writeWordVector } from "../../domain/audit-words.ts";
import { canonicalJson } from "../../domain/canonical-json.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** The chain of what belongs to no workspace: logins, denials, administration. */
export const INSTANCE_CHAIN = "00000000-0000-0000-0000-000000000000";

export type AuditEntry = {
  /** A workspace's id or INSTANCE_CHAIN. */
  chainId: string;
  /** Null when nobody is known: a failed login, the platform itself. */
  actorId: string | null;
  action: string;
  targetType: string;
  targetId: string | null;
  /** JSON without secrets. The chain holds its hash only, so that it can be erased later. */
  details?: unknown;
  /** The API key that acted; default the one in whose name the transaction runs. Becomes part of the details. */
  apiKeyId?: string | undefined;
  /** ISO 8601, for imports; else the database's clock under the head's lock. */
  at?: string;
  /** For imports: an id of their own making, unique over all chains. */
  id?: string;
};

/** What the chain's hash covers; `canonicalBytes` of it are stored as they were hashed. */
export type AuditRecord = {
  id: string;
  chainId: string;
  seq: number;
  at: string;
  actorId: string | null;
  action: string;
  targetType: string;
  targetId: string | null;
  /** SHA-256 of the details' canonical JSON in hex; null without details. */
  detailsHash: string | null;
};

/** A batch of a thousand takes tens of milliseconds: whoever asks for little does not wait for all of it. */
const AT_ONCE = 64;

/** What the first entry of a chain is chained to. */
const GENESIS = Buffer.alloc(32);

/**
 * Extends the chains inside the caller's transaction. Call it once, last before commit: it locks the heads
 * of the chains, in their order, until the transaction ends. Two statements whatever the number of entries.
 * With `isAll` the commit goes out with the second: the heads are free a round trip earlier. `locked` heads need not be
 * asked for. Throws `invalid_text` for what canonical JSON or PostgreSQL cannot hold.
 */
export async function appendAudit(
  tx: Executor,
  entries: readonly AuditEntry[],
  { isAll = false, locked }: { isAll?: boolean; locked?: LockedHeads | undefined } = {},
): Promise<void> {
  if (entries.length === 0) return;
  const counts = new Map<string, number>();
  for (const { chainId } of entries) counts.set(chainId, (counts.get(chainId) ?? 0) + 1);
  const isLocked = locked !== undefined && counts.keys().every((chainId) => locked.has(chainId));
  const heads = isLocked ? new Map(locked) : await advanceHeads(tx, counts);
  const rows: Row[] = [];
  for (const entry of entries) {
    const head = heads.get(entry.chainId) as Head;
    head.seq += 1;
    const row = chainEntry(withKey(entry, entry.apiKeyId ?? tx.apiKeyId), head);
    head.hash = row.hash;
    rows.push(row);
    if (rows.length % AT_ONCE === 0) await setImmediate();
  }
  for (const chainId of heads.keys()) if (!counts.has(chainId)) heads.delete(chainId);
  const inserted = insertRows(tx, rows, heads);
  if (isAll) tx.endsHere?.();
  await inserted;
}

/** Heads as they are, by chain; those that do not exist yet are missing. */
export type LockedHeads = ReadonlyMap<string, Readonly<Head>>;

/**
 * Locks the heads of the chains of which entries may follow, before it is known whether they will: it may be sent with
 * the change itself, and saves a round trip. Nothing moves by it. Nothing else may be locked between it and `appendAudit`.
 */
export async function lockHeads(tx: Executor, chainIds: readonly string[]): Promise<LockedHeads> {
  // The clock is read outside: when the lock is held.
  const heads = await tx.many<Head>(sql`
    select h.chain_id "chainId", h.seq, h.hash, clock_timestamp() now from (
      select chain_id, seq, hash from audit_heads where chain_id = any(${chainIds}::uuid[])
      order by chain_id for no key update) h`);
  return new Map(heads.map((head) => [head.chainId, head]));
}

/** The position before the entry that is being chained. */
type Head = { chainId: string; seq: number; hash: Buffer; now: string };
type Row = AuditRecord & {
  details: string | null;
  canonical: Buffer;
  previousHash: Buffer;
  hash: Buffer;
  /** For the search only; no hash covers it. */
  words: string;
};

/**
 * Reserves the numbers and locks the heads, in one statement: sorted input makes the order of the locks, and
 * `returning` reads the clock when the lock is held. The hash stays the old one until `insertRows`.
 */
async function advanceHeads(tx: Executor, counts: ReadonlyMap<string, number>): Promise<Map<string, Head>> {
  const heads = await tx.many<Head>(sql`
    insert into audit_heads as h (chain_id, seq, hash)
    select c.chain_id, c.entries, ${GENESIS}
    from unnest(${[...counts.keys()]}::uuid[], ${[...counts.values()]}::bigint[]) as c (chain_id, entries)
    order by c.chain_id
    on conflict (chain_id) do update set seq = h.seq + excluded.seq
    returning chain_id as "chainId", seq, hash, clock_timestamp() as now`);
  return new Map(
    heads.map((head) => [head.chainId, { ...head, seq: head.seq - (counts.get(head.chainId) ?? 0) }]),
  );
}

function withKey(entry: AuditEntry, apiKeyId: string | undefined): AuditEntry {
  if (apiKeyId === undefined) return entry;
  return { ...entry, details: { ...(entry.details as object | undefined), apiKeyId } };
}

// Random bytes for 256 ids at once: asking for those of each id was 4.4 of the 15 µs an entry takes here.
const random = new Uint8Array(4_096);
let taken = random.length;

function takeRandom(): Uint8Array {
  if (taken === random.length) {
    randomFillSync(random);
    taken = 0;
  }
  taken += 16;
  return random.subarray(taken - 16, taken);
}

function chainEntry(entry: AuditEntry, head: Head): Row {
  const details = entry.details === undefined ? null : canonicalJson(entry.details);
  const record: AuditRecord = {
    id: entry.id ?? uuidv7({ random: takeRandom() }),
    chainId: entry.chainId,
    seq: head.seq,
    at: entry.at === undefined ? head.now : new Date(entry.at).toISOString(),
    actorId: entry.actorId,
    action: entry.action,
    targetType: entry.targetType,
    targetId: entry.targetId,
    detailsHash: details === null ? null : detailsHash(details),
  };
  const canonical = canonicalBytes(record);
  return {
    ...record,
    details,
    canonical,
    previousHash: head.hash,
    hash: chainHash(head.hash, canonical),
    words: writeWordVector(entry),
  };
}

/**
 * The record's canonical JSON. Written out, with the keys in their order: the general way took a third of the time
 * that verifying an entry takes. Ids, times and hashes hold nothing that needs escaping.
 */
export function canonicalText(record: AuditRecord): string {
  const { action, actorId, at, chainId, detailsHash, id, seq, targetId, targetType } = record;
  return (
    `{"action":${writeText(action)},"actorId":${quoteId(actorId)},"at":"${at}","chainId":"${chainId}",` +
    `"detailsHash":${quoteId(detailsHash)},"id":"${id}","seq":${seq},"targetId":${
      targetId === null ? "null" : writeText(targetId)
    },"targetType":${writeText(targetType)}}`
  );
}

/** What is stored and hashed. */
export function canonicalBytes(record: AuditRecord): Buffer {
  return Buffer.from(canonicalText(record));
}

function quoteId(text: string | null): string {
  return text === null ? "null" : `"${text}"`;
}

// What needs neither escaping nor a look at its surrogates.
const PLAIN = /^[ !#-[\]-~]*$/;

function writeText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : canonicalJson(text);
}

/** Takes canonical JSON. */
export function detailsHash(details: string): string {
  return hashOnce("sha256", details, "hex");
}

export function chainHash(previousHash: Buffer, canonical: Buffer): Buffer {
  const length = previousHash.length + canonical.length;
  const bytes = length <= scratch.length ? scratch : Buffer.alloc(length);
  previousHash.copy(bytes);
  canonical.copy(bytes, previousHash.length);
  return hashOnce("sha256", bytes.subarray(0, length), "buffer");
}

// One that stays: making one for each entry took as long as hashing it.
const scratch = Buffer.alloc(4_096);

function insertRows(tx: Executor, rows: readonly Row[], heads: ReadonlyMap<string, Head>): Promise<number> {
  const column = <Key extends keyof Row>(key: Key) => rows.map((row) => row[key]);
  return tx.run(sql`
    with moved as (
      update audit_heads h set seq = m.seq, hash = m.hash, updated_at = clock_timestamp()
      from unnest(${[...heads.keys()]}::uuid[], ${[...heads.values()].map((head) => head.seq)}::bigint[],
        ${[...heads.values()].map((head) => head.hash)}::bytea[]) as m (chain_id, seq, hash)
      where h.chain_id = m.chain_id)
    insert into audit_logs (chain_id, seq, id, at, actor_id, action, target_type, target_id, details,
      canonical, previous_hash, hash, words)
    select * from unnest(${column("chainId")}::uuid[], ${column("seq")}::bigint[], ${column("id")}::uuid[],
      ${column("at")}::timestamptz[], ${column("actorId")}::uuid[], ${column("action")}::text[],
      ${column("targetType")}::text[], ${column("targetId")}::text[], ${column("details")}::jsonb[],
      ${column("canonical")}::bytea[], ${column("previousHash")}::bytea[], ${column("hash")}::bytea[],
      ${column("words")}::tsvector[])`);
}
