// Whether one stored entry is what was hashed, and if not, what is wrong with it.
import { canonicalJson } from "../../domain/canonical-json.ts";
import { type AuditRecord, canonicalBytes, chainHash, detailsHash as hashDetails } from "./audit-logs.ts";

export type StoredEntry = Omit<AuditRecord, "detailsHash"> & {
  details: unknown;
  canonical: Buffer;
  previousHash: Buffer;
  hash: Buffer;
};

export type EntryFault = "entry_missing" | "entry_changed" | "details_changed" | "link_broken";

/** Null when the entry follows the one before, its bytes are the hashed ones and its columns say what they say. */
export function findFault(entry: StoredEntry, previousSeq: number, previousHash: Buffer): EntryFault | null {
  if (entry.seq !== previousSeq + 1) return "entry_missing";
  if (!entry.previousHash.equals(previousHash)) return "link_broken";
  const { canonical } = entry;
  if (!chainHash(previousHash, canonical).equals(entry.hash)) return "entry_changed";
  const detailsHash = readDetailsHash(canonical);
  if (!canonicalBytes(recordOf(entry, detailsHash)).equals(canonical)) return "entry_changed";
  if (entry.details === null) return null;
  return hashDetails(canonicalJson(entry.details)) === detailsHash ? null : "details_changed";
}

function recordOf(entry: StoredEntry, detailsHash: string | null): AuditRecord {
  const { id, chainId, seq, at, actorId, action, targetType, targetId } = entry;
  return { id, chainId, seq, at, actorId, action, targetType, targetId, detailsHash };
}

const FIELD = Buffer.from('"detailsHash":');

/** Whether an entry was written with details, as its own bytes say. */
export function hadDetails(canonical: Buffer): boolean {
  return readDetailsHash(canonical) !== null;
}

/** The first such member is the real one or the bytes are not canonical: texts before it hold no bare quote. */
function readDetailsHash(canonical: Buffer): string | null {
  const start = canonical.indexOf(FIELD) + FIELD.length;
  return canonical[start] === 0x22 ? canonical.toString("latin1", start + 1, start + 65) : null;
}
