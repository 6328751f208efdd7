// Approvals as people use them: what waits for their word, and their word.
import { createHmac } from "node:crypto";
import { AppError } from "../../domain/app-error.ts";
import { type ApprovalStatus, type Decision, statusAfter } from "../../domain/approval.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import {
  type Actor,
  authorize,
  authorizeRoute,
  notFound,
  rolesFor,
  workspacesFor,
} from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";
import {
  type Approval,
  type ApprovalFilter,
  findApproval,
  type LockedApproval,
  listApprovals,
  lockApproval,
  type Signer,
  writeDecision,
} from "../../persistence/executions/approvals.ts";
import { isOverTime, lockExecution } from "../../persistence/executions/decide-step.ts";
import { findExecutionSummary } from "../../persistence/executions/executions.ts";
import { answerStep } from "../../persistence/executions/wake-executions.ts";
import { toRing } from "../../queue/bells.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import type { ReadRecorder } from "../audit/record-reads.ts";
import { principalsOf } from "../principals-of.ts";
import { timedOut } from "./decide-step.ts";

export type ApprovalDependencies = {
  database: Database;
  queue: ExecutionQueue;
  reads: ReadRecorder;
  onRingFailed: (error: unknown) => void;
};

/** Without a workspace: all in which the actor may read approvals. */
export type ApprovalPage = Omit<ApprovalFilter, "workspaceIds"> & { workspaceId?: string | undefined };
export type Word = Pick<Decision, "decision" | "comment">;
export type Decided = { id: string; status: ApprovalStatus; approvals: number; quorum: number };

export type ApprovalService = ReturnType<typeof createApprovalService>;

export function createApprovalService(dependencies: ApprovalDependencies) {
  return {
    /**
     * Newest first, at most `limit`; `more` says whether others follow. What they quote is in the audit log before it is
     * handed out, where it has to be. Throws `not_found` for a workspace or execution that the actor cannot see.
     */
    list: (actor: Actor, page: ApprovalPage): Promise<{ items: Approval[]; more: boolean }> =>
      list(dependencies, actor, page),
    /**
     * Throws `not_found`, `forbidden` (also for who is not asked), `already_decided` (by this person), and when it has
     * ended `approval_decided`, `approval_expired` or `approval_cancelled`; `execution_timed_out` when its execution has
     * taken longer than it may.
     */
    decide: (actor: Actor, id: string, word: Word): Promise<Decided> => decide(dependencies, actor, id, word),
  };
}

const signerOf = ({ userId }: Actor): Signer => ({
  userId,
  always: rolesFor("execution:run"),
  named: rolesFor("approval:decide"),
});

async function list(
  { database, reads }: ApprovalDependencies,
  actor: Actor,
  { workspaceId, limit, ...filter }: ApprovalPage,
): Promise<{ items: Approval[]; more: boolean }> {
  if (workspaceId !== undefined) authorize(actor, "approval:read", { workspaceId });
  const workspaceIds = workspaceId === undefined ? workspacesFor(actor, "approval:read") : [workspaceId];
  const signer = maySign(actor) ? signerOf(actor) : null;
  const rows = await database.transaction(principalsOf(actor), async (tx) => {
    if (filter.executionId !== undefined) {
      const execution = await findExecutionSummary(tx, filter.executionId);
      if (!execution) throw notFound("execution");
      authorize(actor, "approval:read", execution);
    }
    return listApprovals(tx, { ...filter, workspaceIds, limit: limit + 1 }, signer);
  });
  const page = rows.slice(0, limit).map(({ labels, auditReads, ...item }) => ({
    item,
    facts: { workspaceId: item.workspaceId, labels, auditReads },
  }));
  await Promise.all(
    page.map(({ item, facts }) =>
      reads.record(actor, { targetType: "execution", targetId: item.executionId, how: "approvals", facts }),
    ),
  );
  return { items: page.map(({ item }) => item), more: rows.length > limit };
}

function maySign(actor: Actor): boolean {
  try {
    authorizeRoute(actor, "approval:decide");
    return true;
  } catch {
    return false;
  }
}

async function decide(
  { database, queue, onRingFailed }: ApprovalDependencies,
  actor: Actor,
  id: string,
  word: Word,
): Promise<Decided> {
  const { decided, woken } = await database.transaction(principalsOf(actor), async (tx) => {
    const approval = await findApproval(tx, id);
    if (!approval) throw notFound("approval");
    authorize(actor, "approval:decide", approval);
    // Before its approvals, as everybody who ends an execution and with it what it asks.
    const execution = await lockExecution(tx, approval.executionId);
    const locked = await lockApproval(tx, id, signerOf(actor));
    if (!locked) throw notFound("approval");
    requireOpen(locked);
    // Its worker has not heard of it yet, and would let no answer count.
    if (execution?.isCancelled) throw ended("cancelled");
    if (await isOverTime(tx, approval.executionId)) throw timedOut();
    const decision: Decision = { userId: actor.userId, ...word, at: locked.now };
    const status = statusAfter(locked.quorum, locked.decisions, word.decision);
    const decisions = [...locked.decisions, decision];
    await writeDecision(tx, id, { decision, status });
    const woken = status === "pending" ? null : await answerStep(tx, locked, { decision: status, decisions });
    if (status !== "pending" && !woken) throw ended("cancelled");
    const target = { chainId: approval.workspaceId, targetType: "approval", targetId: id };
    const details = detailsOf(locked, decision, status);
    await appendAudit(tx, [{ ...target, actorId: actor.userId, action: "approval.decided", details }]);
    const approvals = decisions.filter((given) => given.decision === "approve").length;
    return { woken, decided: { id, status, approvals, quorum: locked.quorum } };
  });
  crashPoint("api.after_approval_commit");
  // One that runs just now finds the answer by itself.
  if (woken?.isQueued) queue.ring([toRing(woken)]).catch(onRingFailed);
  return decided;
}

function requireOpen({ status, isEntitled, isExcluded, hasDecided, isOver }: LockedApproval): void {
  if (!isEntitled) throw new AppError("forbidden", "You are not among those who are asked here");
  if (isExcluded) {
    throw new AppError("forbidden", "The execution runs in your name: somebody else has to decide here");
  }
  if (hasDecided) throw new AppError("already_decided", "You have decided here already, and that stays");
  if (status !== "pending") throw ended(status);
  if (isOver) throw ended("expired");
}

function ended(status: Exclude<ApprovalStatus, "pending">): AppError {
  if (status === "expired") return new AppError("approval_expired", "The deadline has passed");
  if (status === "cancelled")
    return new AppError("approval_cancelled", "What was asked for has ended meanwhile");
  return new AppError("approval_decided", `It has been ${status} already`);
}

/**
 * What was signed, by its keyed hash: auditors read the log, but no data of executions. Who may read the approval has the
 * key, and can show what was meant.
 */
function detailsOf(
  { executionId, nodeId, iteration, attempt, message, quorum, salt }: LockedApproval,
  { decision, comment }: Decision,
  outcome: ApprovalStatus,
) {
  return {
    ...{ executionId, nodeId, iteration, attempt, quorum, decision, outcome },
    messageHmac: keyedHash(salt, message),
    ...(comment === null ? {} : { commentHmac: keyedHash(salt, comment) }),
  };
}

/** HMAC-SHA256 in hex; the key is the salt as it is written. */
function keyedHash(salt: string, text: string): string {
  return createHmac("sha256", salt).update(text).digest("hex");
}
