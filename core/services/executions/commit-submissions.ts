// The rows of submissions, what a transaction makes of them, and why it refused one.
import { createHash } from "node:crypto";
import { createId } from "../../crypto/new-id.ts";
import { AppError } from "../../domain/app-error.ts";
import { canonicalJson } from "../../domain/canonical-json.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import { type Actor, authorize, notFound, rolesFor, workspacesFor } from "../../domain/roles.ts";
import { type appendAudit, lockHeads } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import {
  findKeyed,
  type InsertedExecution,
  insertExecutions,
  type NewExecution,
  type Room,
} from "../../persistence/executions/insert-executions.ts";
import {
  type Delivery,
  type EarlierDelivery,
  findDeliveries,
  findOpenHooks,
  noteRepetitions,
  type Repetition,
  takeTurns,
} from "../../persistence/webhooks/webhook-deliveries.ts";
import { findVersionTriggers } from "../../persistence/workflows/version-triggers.ts";
import { findWorkflow } from "../../persistence/workflows/workflows.ts";
import { BELL_SIZE, type Ring } from "../../queue/bells.ts";
import type { EagerStart } from "./eager-starts.ts";

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

/**
 * `full`: the queue of its workspace has no room. `spent`: its delivery's signature came before under another id.
 * `altered`: its delivery's id came before with other content. `gone`: its webhook was deleted or switched off meanwhile.
 */
export type Verdict = Submitted | "refused" | "mismatch" | "full" | "spent" | "altered" | "gone";

/**
 * What started it, where that is no person: its `trigger` data, what makes it one of a kind, and who had it do what it does
 * beside its owner.
 */
export type Origin = {
  type: "webhook";
  trigger: Record<string, unknown>;
  delivery: Delivery;
  editors: readonly string[];
};

/** `key` needs the hash of the request it stands for. */
export function toRow(
  actor: Actor,
  submission: Submission,
  options: {
    id?: string;
    watched?: boolean;
    key?: { text: string; requestHash: string } | undefined;
    traceParent?: string | undefined;
    origin?: Origin | undefined;
  },
): NewExecution {
  const { workflowId, input, version, runAt } = submission;
  return {
    id: options.id ?? createId(),
    userId: actor.userId,
    peopleBehind: options.origin?.editors,
    workspaceIds: workspacesFor(actor, "execution:run"),
    workflowId,
    version: version ?? null,
    triggerType: options.origin?.type ?? "manual",
    triggerNode: submission.trigger ?? null,
    trigger: options.origin?.trigger ?? {},
    input,
    priority: submission.priority ?? 0,
    availableAt: runAt ?? null,
    labels: submission.labels ?? [],
    bell: null,
    band: 0,
    watched: options.watched ?? false,
    key: options.key?.text ?? null,
    requestHash: options.key?.requestHash ?? null,
    delivery: options.origin?.delivery,
    apiKeyId: actor.apiKey?.id,
    traceParent: options.traceParent,
  };
}

/** SHA-256 in hex, the same whatever the order of the fields. */
export function hashOf(request: Submission | { batch: readonly Submission[] }): string {
  const parts = "batch" in request ? { batch: request.batch.map(givenFields) } : givenFields(request);
  return createHash("sha256").update(canonicalJson(parts)).digest("hex");
}

function givenFields(submission: Submission) {
  return Object.fromEntries(Object.entries(submission).filter(([, value]) => value !== undefined));
}

export type CommitOptions = {
  rooms?: readonly Room[];
  workspaceIds?: readonly string[];
  isAll?: boolean;
  /** Tells a worker of the one row. */
  callWorker?: EagerStart["call"] | undefined;
};

/**
 * Verdicts in the order of the rows, and the rings to send after the commit. `append` writes the audit entries, last;
 * with `isAll` nothing else follows in the transaction, and its commit goes out with them. The heads of `workspaceIds`
 * are locked by the message that inserts.
 */
export async function commitSubmissions(
  tx: Executor,
  submitted: readonly NewExecution[],
  append: typeof appendAudit,
  { rooms = [], workspaceIds, isAll = false, callWorker }: CommitOptions = {},
): Promise<{ verdicts: Verdict[]; rings: Ring[] }> {
  const rows = shareBells(submitted);
  const [only] = rows;
  const signed = rows.flatMap(({ delivery }) => (delivery?.signature ? [delivery] : []));
  const [, inserted, locked] = await Promise.all([
    signed.length > 0 ? takeTurns(tx, signed) : undefined,
    insertExecutions(tx, rows, rolesFor("execution:run"), rooms),
    workspaceIds?.length ? lockHeads(tx, workspaceIds) : undefined,
    only && callWorker?.(tx, only),
  ]);
  const byId = new Map(inserted.map((execution) => [execution.id, execution]));
  const replayed = rows.flatMap((row) => {
    const execution = byId.get(row.id);
    return execution && !execution.made && row.key
      ? [{ ...execution, key: row.key, userId: row.userId }]
      : [];
  });
  const repeated = rows.flatMap((row) => (byId.get(row.id)?.made === false && row.delivery) || []);
  const [delivered, open] =
    repeated.length > 0
      ? await Promise.all([findDeliveries(tx, repeated), findOpenHooks(tx, repeated)])
      : [[], new Set<string>()];
  const keyed = replayed.length > 0 ? await findKeyed(tx, replayed) : [];
  const earlier = new Map(keyed.map((entry) => [`${entry.workspaceId} ${entry.userId} ${entry.key}`, entry]));
  const verdicts = rows.map((row): Verdict => {
    const execution = byId.get(row.id);
    if (!execution) return "refused";
    if (execution.made) return execution;
    if (row.delivery) return judgeDelivery(row.delivery, execution, { delivered, open });
    const first = earlier.get(`${execution.workspaceId} ${row.userId} ${row.key}`);
    if (!first) return "full";
    return first.requestHash === row.requestHash ? { ...execution, id: first.id } : "mismatch";
  });
  if (delivered.length > 0) await noteRepetitions(tx, repetitionsOf(rows, verdicts));
  crashPoint("api.before_submit_commit");
  await append(tx, auditEntries(rows, byId), { isAll, locked });
  return { verdicts, rings: ringsOf(rows.filter((row) => byId.get(row.id)?.made)) };
}

/** Of rows that were made, those to be rung now. */
export function ringsOf(rows: readonly NewExecution[]): Ring[] {
  return rows
    .filter((row) => row.availableAt === null)
    .map((row) => ({
      executionId: row.id,
      wake: 0,
      priority: row.priority,
      band: row.band ?? 0,
      bell: row.bell ?? null,
    }));
}

/** The one that came before says which execution it made; a signature of its that comes under another id is worth nothing. */
function judgeDelivery(
  { webhookId, deliveryId, signature, content }: Delivery,
  execution: InsertedExecution,
  { delivered, open }: { delivered: readonly EarlierDelivery[]; open: ReadonlySet<string> },
): Verdict {
  const ofHook = delivered.filter((one) => one.webhookId === webhookId);
  const same = ofHook.find((one) => one.deliveryId === deliveryId);
  const signed = signature === null ? undefined : ofHook.find((one) => one.signature === signature);
  if (signed && signed.executionId !== same?.executionId) return "spent";
  if (!same) return open.has(webhookId) ? "full" : "gone";
  const isAltered = content !== null && same.content !== null && content !== same.content;
  return isAltered ? "altered" : { ...execution, id: same.executionId };
}

/** Deliveries that were heard before under the same id: a new signature they came with is spent by that. */
function repetitionsOf(rows: readonly NewExecution[], verdicts: readonly Verdict[]): Repetition[] {
  return rows.flatMap(({ delivery }, index) => {
    const verdict = verdicts[index];
    if (!delivery || typeof verdict !== "object" || verdict.made) return [];
    const { id, webhookId, signature } = delivery;
    return [{ id, webhookId, signature, workspaceId: verdict.workspaceId, executionId: verdict.id }];
  });
}

/** What may start at once is rung together, as far as it has the same band and priority. */
export function shareBells(rows: readonly NewExecution[]): NewExecution[] {
  const sharing = Map.groupBy(rows, (row) =>
    row.availableAt === null ? `${row.band} ${row.priority}` : null,
  );
  const bells = new Map<NewExecution, string>();
  for (const [place, group] of sharing) {
    if (place === null || group.length === 1) continue;
    let bell = "";
    for (const [index, row] of group.entries()) {
      if (index % BELL_SIZE === 0) bell = createId();
      bells.set(row, bell);
    }
  }
  return rows.map((row) => ({ ...row, bell: bells.get(row) ?? null }));
}

function auditEntries(rows: readonly NewExecution[], byId: ReadonlyMap<string, InsertedExecution>) {
  return rows.flatMap((row) => {
    const execution = byId.get(row.id);
    if (!execution?.made) return [];
    const cause = row.delivery ? { webhookId: row.delivery.webhookId } : {};
    const details = { workflowId: row.workflowId, version: execution.version, ...cause };
    const target = { targetType: "execution", targetId: row.id, details };
    const who = { actorId: row.userId, apiKeyId: row.apiKeyId };
    return [{ chainId: execution.workspaceId, ...who, action: "execution.submitted", ...target }];
  });
}

export function keyMismatch(): AppError {
  return new AppError("idempotency_mismatch", "This Idempotency-Key was used for another request");
}

/** Why a row was not allowed, found out afterwards: refusals are rare, the fast path carries none of this. */
export async function explainRefusal(tx: Executor, actor: Actor, submission: Submission): Promise<AppError> {
  const { workflowId, version } = submission;
  const workflow = await findWorkflow(tx, workflowId);
  if (!workflow) return notFound("workflow");
  authorize(actor, "execution:run", workflow);
  const triggers = await findVersionTriggers(tx, workflowId, version ?? workflow.version);
  if (!triggers) return notFound(`version ${version}`);
  const detail = `The workflow has no trigger node ${submission.trigger}; it has ${triggers.join(", ")}`;
  return new AppError("invalid_trigger", detail, { problems: [{ path: "trigger", message: detail }] });
}
