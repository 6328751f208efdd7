// Appends the old audit log to the workspace's chain: marked as imported, with the times it had.
import { createHash } from "node:crypto";
import { type AuditEntry, appendAudit } from "../../core/persistence/audit/audit-logs.ts";
import { findAuditIds } from "../../core/persistence/imports/import-audit-logs.ts";
import { createOccurrenceCounter } from "./count-occurrences.ts";
import { deriveId } from "./derive-id.ts";
import { count, type ImportContext, writeFile } from "./import-context.ts";
import type { FoundFile } from "./list-files.ts";
import { type OldAuditEntry, readAuditLine } from "./read-audit-line.ts";
import { readLines } from "./read-lines.ts";

type IdentifiedEntry = AuditEntry & { id: string };

// The chain's head is locked while they are written, some 15,000 a second: a longer log takes several transactions, or
// others in the workspace would wait too long (their lock timeout is 10 s; 50,000 entries also took 680 MB of memory).
// A second run takes up where a first was cut off.
const ENTRIES_PER_TRANSACTION = 20_000;

export async function importAuditLog(context: ImportContext, { absolute, file }: FoundFile): Promise<void> {
  const numberOf = createOccurrenceCounter();
  let waiting: IdentifiedEntry[] = [];
  for await (const line of readLines(absolute)) {
    if ("text" in line && line.text.trim() === "") continue;
    const entry = "fault" in line ? line.fault : readAuditLine(line.text);
    if (typeof entry === "string" || "fault" in line) {
      context.report.unreadable.push({ file, line: line.line, reason: String(entry) });
      continue;
    }
    waiting.push(identify(context, entry, line.text, numberOf));
    if (waiting.length < ENTRIES_PER_TRANSACTION) continue;
    await writeEntries(context, waiting);
    waiting = [];
  }
  if (waiting.length > 0) await writeEntries(context, waiting);
}

async function writeEntries(context: ImportContext, entries: readonly IdentifiedEntry[]): Promise<void> {
  const written = await writeFile(context, async (tx) => {
    const known = await findAuditIds(
      tx,
      entries.map(({ id }) => id),
    );
    const fresh = entries.filter(({ id }) => !known.has(id));
    await appendAudit(tx, fresh);
    return fresh.length;
  });
  count(context, "audit entries", "written", written);
  count(context, "audit entries", "skipped", entries.length - written);
}

/** The id is made of the line itself, so the same line is never appended twice. */
function identify(
  { workspaceId }: ImportContext,
  { at, action, targetType, targetId, details }: OldAuditEntry,
  text: string,
  numberOf: (digest: string) => number,
): IdentifiedEntry {
  const digest = createHash("sha256").update(text).digest("base64url");
  const legacyId = `${digest}.${numberOf(digest)}`;
  return {
    id: deriveId({ kind: "audit", workspaceId, createdAt: at, legacyId }),
    chainId: workspaceId,
    // Whoever the old log names is no user here; the name stays in the details.
    actorId: null,
    action: `imported.${action}`,
    targetType,
    targetId,
    details: { imported: true, lineDigest: digest, original: details },
    at,
  };
}
