// What every part of an import works with, and the one way it writes: a file, a transaction.

import type { Envelope } from "../../core/crypto/envelope.ts";
import { AppError } from "../../core/domain/app-error.ts";
import type { Database, Executor } from "../../core/persistence/database.ts";
import { lockImport } from "../../core/persistence/imports/import-workflows.ts";
import type { FoundFile } from "./list-files.ts";
import type { PartFault } from "./read-graph.ts";
import { type JsonFile, readJsonFile } from "./read-json-file.ts";
import type { Kind, Report } from "./report.ts";

export type ImportContext = {
  db: Database;
  envelope: Envelope;
  ownerId: string;
  workspaceId: string;
  /** Everything is done, then rolled back. */
  dryRun: boolean;
  report: Report;
  /** Aborted by Ctrl-C: the file at hand is finished, the next is not begun. */
  signal: AbortSignal;
};

class DryRunEnd extends Error {}

/** What `work` returns, after its writes are committed or, in a dry run, rolled back. */
export async function writeFile<Result>(
  { db, ownerId, workspaceId, dryRun }: ImportContext,
  work: (tx: Executor) => Promise<Result>,
): Promise<Result> {
  let result: { value: Result } | undefined;
  try {
    return await db.transaction({ userId: ownerId, workspaceIds: [workspaceId] }, async (tx) => {
      await lockImport(tx, workspaceId);
      const value = await work(tx);
      result = { value };
      if (dryRun) throw new DryRunEnd();
      return value;
    });
  } catch (error) {
    if (error instanceof DryRunEnd && result) return result.value;
    throw error;
  }
}

/** Null when the file is no JSON, which is then in the report. */
export async function openJsonFile({ report }: ImportContext, found: FoundFile): Promise<JsonFile | null> {
  const json = await readJsonFile(found.absolute, found.size);
  if ("reason" in json) {
    report.unreadable.push({ file: found.file, ...json });
    return null;
  }
  if (json.replaced > 0) {
    const reason = `${json.replaced} texts held characters that cannot be stored; they were replaced by U+FFFD`;
    report.remarks.push({ file: found.file, line: 0, reason });
  }
  return json;
}

export function reportFaults(
  { report }: ImportContext,
  { file }: FoundFile,
  json: JsonFile,
  faults: readonly PartFault[],
): void {
  for (const { path, reason } of faults) report.unreadable.push({ file, line: json.lineOf(path), reason });
}

export function count({ report }: ImportContext, kind: Kind, what: "written" | "skipped", number = 1): void {
  report.counts[kind].read += number;
  report.counts[kind][what] += number;
}

/**
 * One bad file must not stop the others: what the database refuses about it goes into the report. A database that is
 * gone, and faults of this program, end the import.
 */
export async function guardFile(
  context: ImportContext,
  file: string,
  work: () => Promise<void>,
): Promise<void> {
  if (context.signal.aborted) {
    throw new AppError(
      "import_interrupted",
      `Interrupted before ${file}; import again, what is there is skipped`,
    );
  }
  try {
    await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    context.report.unreadable.push({ file, line: 0, reason: `not imported: ${error.message}` });
  }
}

function isRefusal(error: unknown): error is Error {
  if (error instanceof AppError) return !error.retryable;
  return error instanceof Error && "severity" in error;
}
