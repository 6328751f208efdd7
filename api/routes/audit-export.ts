// The audit log as a file: lines of JSON or a table, made while it is read.
import { stringify } from "csv-stringify/sync";
import type { AuditLog } from "#core/services/audit/audit-logs.ts";

export const EXPORT_FORMATS = ["ndjson", "csv"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const CONTENT_TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: "application/x-ndjson; charset=utf-8",
  csv: "text/csv; charset=utf-8; header=present",
};

const COLUMNS = [
  "seq",
  "at",
  "actorId",
  "actorName",
  "actorEmail",
  "action",
  "targetType",
  "targetId",
  "details",
  "id",
  "hash",
] as const;

/** Text of one batch after the other; whoever stops asking stops the reading. */
export async function* writeExport(
  batches: AsyncIterable<AuditLog[]>,
  format: ExportFormat,
): AsyncGenerator<string> {
  if (format === "csv") yield stringify([COLUMNS]);
  for await (const batch of batches) {
    yield format === "csv" ? writeTable(batch) : batch.map((entry) => `${JSON.stringify(entry)}\n`).join("");
  }
}

/** A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
function writeTable(batch: readonly AuditLog[]): string {
  const rows = batch.map((entry) => ({
    ...entry,
    details: entry.details === null ? "" : JSON.stringify(entry.details),
  }));
  return stringify(rows, { columns: [...COLUMNS], escape_formulas: true });
}
