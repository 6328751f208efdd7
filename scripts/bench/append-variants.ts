// What the audit log of submissions is compared with: none at all, and rows that nothing chains.
import { v7 as uuidv7 } from "uuid";
import { writeWordVector } from "../../core/domain/audit-words.ts";
import { appendAudit } from "../../core/persistence/audit/audit-logs.ts";
import { sql } from "../../core/persistence/sql.ts";

export const VARIANTS = ["none", "plain", "chained"] as const;
export type Variant = (typeof VARIANTS)[number];

type Append = typeof appendAudit;

export function chooseAppend(variant: Variant): Append {
  switch (variant) {
    case "none":
      return async () => {};
    case "plain":
      return createPlainAppend();
    case "chained":
      return appendAudit;
  }
}

/** The same rows under the same indexes: no head is locked, nothing is hashed and no bytes are kept for it. */
function createPlainAppend(): Append {
  let seq = Date.now() * 1_000;
  return async (tx, entries) => {
    if (entries.length === 0) return;
    const now = new Date().toISOString();
    const rows = entries.map((entry) => ({
      ...entry,
      seq: ++seq,
      id: uuidv7(),
      at: now,
      details: JSON.stringify(entry.details),
      words: writeWordVector(entry),
    }));
    const column = <Key extends keyof (typeof rows)[number]>(key: Key) => rows.map((row) => row[key]);
    await tx.run(sql`
      insert into audit_logs (chain_id, seq, id, at, actor_id, action, target_type, target_id, details, words,
        canonical, previous_hash, hash)
      select r.*, '', '', '' from unnest(${column("chainId")}::uuid[], ${column("seq")}::bigint[], ${column("id")}::uuid[],
        ${column("at")}::timestamptz[], ${column("actorId")}::uuid[], ${column("action")}::text[],
        ${column("targetType")}::text[], ${column("targetId")}::text[], ${column("details")}::jsonb[],
        ${column("words")}::tsvector[]) r`);
  };
}

export type Counts = Record<Variant, number>;

/** Shares of the time: of a whole entry, and of the chain alone, beyond rows that any audit log would write. */
export function compareCounts({ none, plain, chained }: Counts): { entry: number; chain: number } {
  return { entry: 1 - chained / none, chain: 1 - chained / plain };
}
