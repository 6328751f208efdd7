// Submissions: many requests, one commit. A submission that is accepted is in PostgreSQL before it is answered.
import { createHash } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { AppError } from "../domain/app-error.ts";
import { canonicalJson } from "../domain/canonical-json.ts";
import { findFileReferences } from "../domain/file-references.ts";
import { type Actor, authorize, notFound, rolesFor } from "../domain/roles.ts";
import { appendAudit } from "../persistence/audit-logs.ts";
import type { Database } from "../persistence/database.ts";
import { createGroupWriter } from "../persistence/group-writer.ts";
import {
  findKeyed,
  type InsertedExecution,
  insertExecutions,
  type NewExecution,
} from "../persistence/insert-executions.ts";
import { findVersionTriggers } from "../persistence/version-triggers.ts";
import { findWorkflow } from "../persistence/workflows.ts";
import type { ExecutionQueue } from "../queue/execution-queue.ts";
import { assertFilesVisible } from "./check-file-references.ts";
import { principalsOf } from "./principals-of.ts";

const MAX_BATCH = 500;

export type Submission = {
  workflowId: string;
  input: unknown;
  trigger?: string | undefined;
  version?: number | undefined;
  priority?: number | undefined;
  /** ISO time before which it must not run. */
  runAt?: string | undefined;
  labels?: readonly string[] | undefined;
};

/** `made` false: the key was used before, this is the execution it made then. */
export type Submitted = { id: string; workspaceId: string; version: number; made: boolean };

export type SubmitOptions = { id?: string; key?: string | undefined; watched?: boolean };

export type ExecutionSubmitter = {
  /**
   * Throws `not_found` (workflow or version), `forbidden`, `invalid_trigger`, or `idempotency_mismatch` when the
   * key stood for another request. The same key and request give the same execution.
   */
  submit(actor: Actor, submission: Submission, options?: SubmitOptions): Promise<Submitted>;
  drain(): Promise<void>;
};

type Request = { actor: Actor; row: NewExecution };
type Verdict = Submitted | "refused" | "mismatch";

export function createExecutionSubmitter(dependencies: {
  database: Database;
  queue: ExecutionQueue;
  onRingFailed: (error: unknown) => void;
}): ExecutionSubmitter {
  const { database, queue, onRingFailed } = dependencies;
  const writer = createGroupWriter<Request, Verdict>({
    async writeBatch(batch) {
      const { verdicts, made } = await commitBatch(database, batch);
      // Not awaited: the rows are the outbox, a queue that is down must not hold up the answer.
      queue.ring(made).catch(onRingFailed);
      return verdicts;
    },
    maxBatch: MAX_BATCH,
    maxInFlight: 2,
    isShared: (error) => error instanceof AppError && error.code === "database_unavailable",
  });

  return {
    async submit(actor, submission, options = {}) {
      const files = findFileReferences(submission.input);
      if (files.length > 0) await checkFiles(database, actor, submission.workflowId, files);
      const verdict = await writer.write({ actor, row: toRow(actor, submission, options) });
      if (verdict === "mismatch") {
        throw new AppError("idempotency_mismatch", "This Idempotency-Key was used for another request");
      }
      if (verdict === "refused") throw await explainRefusal(database, actor, submission);
      return verdict;
    },
    drain: () => writer.drain(),
  };
}

/** Before the batch: inputs that name files are rare, the fast path does not look for them in SQL. */
function checkFiles(
  database: Database,
  actor: Actor,
  workflowId: string,
  files: readonly string[],
): Promise<void> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const workflow = await findWorkflow(tx, workflowId);
    if (!workflow) throw notFound("workflow");
    await assertFilesVisible(tx, files, workflow.workspaceId);
  });
}

function toRow(actor: Actor, submission: Submission, options: SubmitOptions): NewExecution {
  const { workflowId, input, version, runAt } = submission;
  return {
    id: options.id ?? uuidv7(),
    userId: actor.userId,
    workflowId,
    version: version ?? null,
    triggerType: "manual",
    triggerNode: submission.trigger ?? null,
    trigger: {},
    input,
    priority: submission.priority ?? 0,
    availableAt: runAt ?? null,
    labels: submission.labels ?? [],
    watched: options.watched ?? false,
    key: options.key ?? null,
    requestHash: options.key === undefined ? null : hashOf(submission),
  };
}

function hashOf(submission: Submission): string {
  const given = Object.fromEntries(Object.entries(submission).filter(([, value]) => value !== undefined));
  return createHash("sha256").update(canonicalJson(given)).digest("hex");
}

async function commitBatch(database: Database, batch: readonly Request[]) {
  const workspaceIds = [...new Set(batch.flatMap(({ actor }) => principalsOf(actor).workspaceIds))];
  return database.transaction({ workspaceIds }, async (tx) => {
    const rows = batch.map((request) => request.row);
    const inserted = await insertExecutions(tx, rows, rolesFor("execution:run"));
    const byId = new Map(inserted.map((execution) => [execution.id, execution]));
    const replayed = rows.flatMap((row) => {
      const execution = byId.get(row.id);
      return execution && !execution.made && row.key
        ? [{ ...execution, key: row.key, userId: row.userId }]
        : [];
    });
    const keyed = replayed.length > 0 ? await findKeyed(tx, replayed) : [];
    const earlier = new Map(
      keyed.map((entry) => [`${entry.workspaceId} ${entry.userId} ${entry.key}`, entry]),
    );
    const verdicts = rows.map((row): Verdict => {
      const execution = byId.get(row.id);
      if (!execution) return "refused";
      if (execution.made) return execution;
      const first = earlier.get(`${execution.workspaceId} ${row.userId} ${row.key}`);
      return first && first.requestHash === row.requestHash ? { ...execution, id: first.id } : "mismatch";
    });
    await appendAudit(tx, auditEntries(rows, byId));
    const made = rows
      .filter((row) => byId.get(row.id)?.made && row.availableAt === null)
      .map((row) => ({ executionId: row.id, wake: 0, priority: row.priority }));
    return { verdicts, made };
  });
}

function auditEntries(rows: readonly NewExecution[], byId: ReadonlyMap<string, InsertedExecution>) {
  return rows.flatMap((row) => {
    const execution = byId.get(row.id);
    if (!execution?.made) return [];
    const details = { workflowId: row.workflowId, version: execution.version };
    const target = { targetType: "execution", targetId: row.id, details };
    return [
      { chainId: execution.workspaceId, actorId: row.userId, action: "execution.submitted", ...target },
    ];
  });
}

/** Why a row was not allowed, found out afterwards: refusals are rare, the fast path carries none of this. */
async function explainRefusal(database: Database, actor: Actor, submission: Submission): Promise<AppError> {
  const { workflowId, version } = submission;
  return database.transaction(principalsOf(actor), async (tx) => {
    const workflow = await findWorkflow(tx, workflowId);
    if (!workflow) return notFound("workflow");
    authorize(actor, "execution:run", workflow);
    const triggers = await findVersionTriggers(tx, workflowId, version ?? workflow.version);
    if (!triggers) return notFound(`version ${version}`);
    const detail = `The workflow has no trigger node ${submission.trigger}; it has ${triggers.join(", ")}`;
    return new AppError("invalid_trigger", detail, { problems: [{ path: "trigger", message: detail }] });
  });
}
