// Submissions: many requests, one commit. A submission that is accepted is in PostgreSQL before it is answered.
import { AppError } from "../../domain/app-error.ts";
import { findFileReferences } from "../../domain/file-references.ts";
import { type Actor, notFound } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import type { NewExecution } from "../../persistence/executions/insert-executions.ts";
import { createGroupWriter } from "../../persistence/group-writer.ts";
import { isDeadlock } from "../../persistence/translate-error.ts";
import { findWorkflow } from "../../persistence/workflows/workflows.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import { principalsOf } from "../principals-of.ts";
import { assertFilesVisible } from "../workflows/check-file-references.ts";
import { createRingAnnouncer } from "./announce-rings.ts";
import {
  type CommitOptions,
  commitSubmissions,
  explainRefusal,
  hashOf,
  keyMismatch,
  type Origin,
  type Submission,
  type Submitted,
  toRow,
  type Verdict,
} from "./commit-submissions.ts";
import type { EagerStarts } from "./eager-starts.ts";
import { type BacklogGuard, queueFull } from "./guard-backlogs.ts";

const MAX_BATCH = 500;

export type { Submission, Submitted };

export type SubmitOptions = {
  id?: string;
  key?: string | undefined;
  watched?: boolean;
  /** W3C traceparent of the submission's span. */
  traceParent?: string;
  /** Where no person submits it: the same delivery gives the same execution, whatever it holds. */
  origin?: Origin;
};

export type ExecutionSubmitter = {
  /**
   * Throws `not_found` (workflow, version or file), `forbidden`, `invalid_trigger`, `queue_full`, or
   * `idempotency_mismatch` when the key stood for another request. The same key and request give the same execution.
   */
  submit(actor: Actor, submission: Submission, options?: SubmitOptions): Promise<Submitted>;
  /**
   * All of them or none, in their order and in one commit; throws what `submit` throws. The key stands for the whole
   * batch and for nothing that `submit` knows.
   */
  submitMany(
    actor: Actor,
    submissions: readonly Submission[],
    options?: Pick<SubmitOptions, "key" | "traceParent">,
  ): Promise<Submitted[]>;
  drain(): Promise<void>;
};

type Request = { actor: Actor; row: NewExecution };

export type SubmitDependencies = {
  database: Database;
  queue: ExecutionQueue;
  onRingFailed: (error: unknown) => void;
  /** One for all that people start in this process. */
  backlogs: BacklogGuard;
  /** Without them every execution waits for its bell. */
  eagerStarts?: EagerStarts | undefined;
  /** Another only where its cost is measured. */
  appendSubmissions?: typeof appendAudit;
  /** Told after each group commit. */
  observeSubmissions?: ((submissions: number, seconds: number) => void) | undefined;
};

export function createExecutionSubmitter(dependencies: SubmitDependencies): ExecutionSubmitter {
  const { database, queue, backlogs, eagerStarts, onRingFailed } = dependencies;
  const { appendSubmissions: append = appendAudit } = dependencies;
  const rings = createRingAnnouncer(queue, onRingFailed);
  const commit = async (
    tx: Executor,
    asked: readonly NewExecution[],
    options: Pick<CommitOptions, "isAll" | "callWorker">,
  ) => {
    const { rows, ...known } = await backlogs.look(tx, asked);
    return commitSubmissions(tx, rows, append, { ...known, ...options });
  };
  const writer = createGroupWriter<Request, Verdict>({
    async writeBatch(batch) {
      const workspaceIds = [...new Set(batch.flatMap(({ actor }) => principalsOf(actor).workspaceIds))];
      const rows = batch.map((request) => request.row);
      const eager = eagerStarts?.plan(rows);
      const commits = database.transaction({ workspaceIds }, (tx) =>
        commit(tx, rows, { isAll: true, callWorker: eager?.call }),
      );
      commits.catch(() => eager?.drop());
      const made = await commits;
      backlogs.note(made.verdicts);
      rings.announce(made.rings, eager);
      return made.verdicts;
    },
    maxBatch: MAX_BATCH,
    maxInFlight: 2,
    isShared: (error) =>
      error instanceof AppError && error.code === "database_unavailable" && !isDeadlock(error),
    observe: dependencies.observeSubmissions,
  });

  return {
    async submit(actor, submission, { key, ...options } = {}) {
      // Before the batch: inputs that name files are rare, the fast path does not look for them in SQL.
      if (findFileReferences(submission.input).length > 0) {
        await database.transaction(principalsOf(actor), (tx) => checkFiles(tx, [submission]));
      }
      const keyed = key === undefined ? undefined : { text: key, requestHash: hashOf(submission) };
      const verdict = await writer.write({
        actor,
        row: toRow(actor, submission, { ...options, key: keyed }),
      });
      if (verdict === "mismatch") throw keyMismatch();
      if (verdict === "full") throw queueFull();
      if (verdict === "spent" || verdict === "altered" || verdict === "gone") throw deliveryRefused(verdict);
      if (verdict !== "refused") return verdict;
      throw await database.transaction(principalsOf(actor), (tx) => explainRefusal(tx, actor, submission));
    },
    async submitMany(actor, submissions, options = {}) {
      const rows = toRows(actor, submissions, options);
      const made = await database.transaction(principalsOf(actor), async (tx) => {
        await checkFiles(tx, submissions);
        const { verdicts, rings } = await commit(tx, rows, { isAll: false });
        // What is thrown here rolls all of it back.
        return { submitted: await requireAll(tx, actor, submissions, verdicts), rings };
      });
      backlogs.note(made.submitted);
      rings.announce(made.rings);
      return made.submitted;
    },
    async drain() {
      await writer.drain();
      await rings.drain();
    },
  };
}

function deliveryRefused(verdict: "spent" | "altered" | "gone"): AppError {
  if (verdict === "gone") return notFound("webhook");
  return verdict === "spent"
    ? new AppError("invalid_signature", "This signature was sent before, under another delivery id")
    : new AppError("idempotency_mismatch", "This delivery id came before, with other content");
}

/** A space cannot be in a client's own key, so no single submission ever has the key of a batch's item. */
function toRows(
  actor: Actor,
  submissions: readonly Submission[],
  { key, traceParent }: Pick<SubmitOptions, "key" | "traceParent">,
): NewExecution[] {
  if (key === undefined) return submissions.map((submission) => toRow(actor, submission, { traceParent }));
  const requestHash = hashOf({ batch: submissions });
  return submissions.map((submission, index) =>
    toRow(actor, submission, { key: { text: `${key} ${index}`, requestHash }, traceParent }),
  );
}

async function requireAll(
  tx: Executor,
  actor: Actor,
  submissions: readonly Submission[],
  verdicts: readonly Verdict[],
): Promise<Submitted[]> {
  const submitted: Submitted[] = [];
  for (const [index, submission] of submissions.entries()) {
    const verdict = verdicts[index];
    if (verdict === "mismatch") throw keyMismatch();
    if (verdict === "full") throw queueFull();
    if (verdict === "spent" || verdict === "altered" || verdict === "gone") throw deliveryRefused(verdict);
    if (verdict === undefined || verdict === "refused") throw await explainRefusal(tx, actor, submission);
    submitted.push(verdict);
  }
  return submitted;
}

async function checkFiles(tx: Executor, submissions: readonly Submission[]): Promise<void> {
  for (const [workflowId, ofOne] of Map.groupBy(submissions, (submission) => submission.workflowId)) {
    const files = findFileReferences(ofOne.map((submission) => submission.input));
    if (files.length === 0) continue;
    const workflow = await findWorkflow(tx, workflowId);
    if (!workflow) throw notFound("workflow");
    await assertFilesVisible(tx, files, workflow.workspaceId);
  }
}
