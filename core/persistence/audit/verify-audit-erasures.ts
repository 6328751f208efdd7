// Whether details that are gone were erased by the platform: then a later entry of the same chain says so.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export const DETAILS_ERASED = "audit.details_erased";

/** What one entry has to do with erasures: its own details are gone, or it names entries whose details went. */
export type ErasureTrace = { emptied: string } | { explains: unknown };

/** `hadDetails`: whether it was written with some, as its own bytes say. Undefined for nearly every entry. */
export function traceErasure(
  entry: { id: string; action: string; details: unknown },
  hadDetails: boolean,
): ErasureTrace | undefined {
  if (entry.details === null) return hadDetails ? { emptied: entry.id } : undefined;
  return entry.action === DETAILS_ERASED ? { explains: entry.details } : undefined;
}

export type ErasureCheck = {
  /** Takes what the entries of one chain left, in their order. */
  note(seq: number, trace: ErasureTrace): void;
  /** The number of the first entry whose details are gone without a word; undefined without any. */
  findUnexplained(tx: Executor, chainId: string, upTo: number): Promise<number | undefined>;
};

export function createErasureCheck(): ErasureCheck {
  // What was erased properly leaves again, one batch of an erasure later.
  const emptied = new Map<string, number>();
  const explain = (details: unknown) => {
    for (const id of idsIn(details)) emptied.delete(id);
  };
  return {
    note(seq, trace) {
      if ("emptied" in trace) emptied.set(trace.emptied, seq);
      else explain(trace.explains);
    },
    async findUnexplained(tx, chainId, upTo) {
      // Erased while the chain was read: what says so came after the head that was read first.
      if (emptied.size > 0) {
        const since = await tx.many<{ details: unknown }>(sql`
          select details from audit_logs
          where chain_id = ${chainId} and seq > ${upTo} and action = ${DETAILS_ERASED}`);
        for (const { details } of since) explain(details);
      }
      return emptied.values().next().value;
    },
  };
}

function idsIn(details: unknown): readonly string[] {
  if (typeof details !== "object" || details === null || !("entries" in details)) return [];
  return Array.isArray(details.entries) ? details.entries.filter((id) => typeof id === "string") : [];
}
