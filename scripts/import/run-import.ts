// The import's story: secrets first, then the workflows that cite them, their executions, and the old log.
import { stat } from "node:fs/promises";
import type { Envelope } from "../../core/crypto/envelope.ts";
import { checkKeyCanary } from "../../core/crypto/key-canary.ts";
import { AppError } from "../../core/domain/app-error.ts";
import { createKeyCanaries } from "../../core/persistence/credentials/key-canaries.ts";
import type { Database } from "../../core/persistence/database.ts";
import { makeMonth } from "../../core/persistence/executions/partitions.ts";
import { tryMonth } from "../../core/services/retention/try-month.ts";
import { findOwner, type ImportOwner } from "./find-owner.ts";
import { importAuditLog } from "./import-audit-log.ts";
import { guardFile, type ImportContext, openJsonFile, reportFaults, writeFile } from "./import-context.ts";
import { importCredentials } from "./import-credentials.ts";
import { importExecution } from "./import-execution.ts";
import { importWorkflow } from "./import-workflow.ts";
import type { KnownWorkflow } from "./known-workflows.ts";
import { type FoundFile, type FoundFiles, listFiles } from "./list-files.ts";
import { readWorkflow } from "./read-workflow.ts";
import { createReport, type Report } from "./report.ts";

/** Between two tries to make a month: somebody waits for the import. */
const MONTH_PAUSE_MS = 500;

export type ImportOptions = {
  db: Database;
  envelope: Envelope;
  folder: string;
  /** Null: the only admin. */
  email: string | null;
  dryRun: boolean;
  signal: AbortSignal;
};

/** Throws `import_refused` when it cannot begin, `wrong_encryption_key` when the keys are not this database's. */
export async function runImport(options: ImportOptions): Promise<{ owner: ImportOwner; report: Report }> {
  const { db, envelope, folder, email, dryRun, signal } = options;
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new AppError("import_refused", `${folder} is no folder that can be read`);
  const owner = await findOwner(db, email);
  const report = createReport();
  const context: ImportContext = {
    db,
    envelope,
    ownerId: owner.id,
    workspaceId: owner.workspaceId,
    dryRun,
    report,
    signal,
  };
  await writeFile(context, (tx) => checkKeyCanary(createKeyCanaries(tx), envelope));
  const files = await listFiles(folder);
  report.unreadable.push(...files.unknown);

  let credentials = new Map<string, string>();
  await guardFile(context, files.credentials?.file ?? "", async () => {
    credentials = await importCredentials(context, files.credentials);
  });
  const workflows = await importWorkflows(context, files, credentials);
  const ensureMonth = createMonths(context);
  for (const found of files.executions) {
    await guardFile(context, found.file, () => importExecution(context, found, { workflows, ensureMonth }));
  }
  const { auditLog } = files;
  if (auditLog) await guardFile(context, auditLog.file, () => importAuditLog(context, auditLog));
  return { owner, report };
}

/** By their old id. Folders of versions that no workflow claims are reported file by file. */
async function importWorkflows(
  context: ImportContext,
  files: FoundFiles,
  credentials: ReadonlyMap<string, string>,
): Promise<Map<string, KnownWorkflow>> {
  const workflows = new Map<string, KnownWorkflow>();
  const claimed = new Set<string>();
  for (const found of files.workflows) {
    await guardFile(context, found.file, async () => {
      const json = await openJsonFile(context, found);
      if (!json) return;
      const workflow = readWorkflow(json.value, found);
      if ("path" in workflow) return reportFaults(context, found, json, [workflow]);
      reportFaults(context, found, json, workflow.faults);
      const { legacyId } = workflow;
      if (claimed.has(legacyId)) {
        const reason = `another file has the workflow id "${legacyId}" already`;
        return reportFaults(context, found, json, [{ path: ["id"], reason }]);
      }
      claimed.add(legacyId);
      const versions = files.versions.get(legacyId) ?? [];
      workflows.set(legacyId, await importWorkflow(context, { found, workflow, versions, credentials }));
    });
  }
  for (const [legacyId, versions] of files.versions) {
    if (!claimed.has(legacyId)) reportOrphans(context, legacyId, versions);
  }
  return workflows;
}

function reportOrphans({ report }: ImportContext, legacyId: string, versions: readonly FoundFile[]): void {
  const reason = `a version of the workflow "${legacyId}", which is not there or could not be read`;
  for (const { file } of versions) report.unreadable.push({ file, line: 0, reason });
}

/** A dry run makes none: it would lock out the running platform until it rolls back, and the default takes its rows. */
function createMonths({ db, dryRun, signal }: ImportContext): (at: string) => Promise<void> {
  const made = new Set<string>();
  return async (at) => {
    const month = at.slice(0, 7);
    if (dryRun || made.has(month)) return;
    await makePlace(db, at, signal);
    made.add(month);
  };
}

/** Throws `partitions_busy` or `partitions_full`. */
async function makePlace(db: Database, at: string, signal: AbortSignal): Promise<void> {
  const verdict = await tryMonth(db, (tx) => makeMonth(tx, at), { pauseMs: MONTH_PAUSE_MS, signal });
  const month = at.slice(0, 7);
  if (verdict === "full") {
    throw new AppError(
      "partitions_full",
      `The place for runs of ${month} cannot be made, because the default partition is too big (docs/operations.md, A ` +
        "month without a partition): import again when it is empty, what is there is skipped",
    );
  }
  if (verdict === "busy") {
    throw new AppError(
      "partitions_busy",
      `The place for runs of ${month} cannot be made while a transaction reads executions (a backup, an open ` +
        "session): import again when it has ended, what is there is skipped",
      { retryable: true },
    );
  }
}
