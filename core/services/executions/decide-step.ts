// Decisions on effects in doubt: who may make them, and what goes on from there.
import { AppError } from "../../domain/app-error.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import { isTerminal, MAX_OUTPUT_BYTES } from "../../domain/execution.ts";
import { findFileReferences } from "../../domain/file-references.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";
import {
  decideStep,
  isOverTime,
  lockExecution,
  type StepDecision,
} from "../../persistence/executions/decide-step.ts";
import { toRing } from "../../queue/bells.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import { principalsOf } from "../principals-of.ts";
import { assertFilesVisible } from "../workflows/check-file-references.ts";

export type DecideDependencies = {
  database: Database;
  queue: ExecutionQueue;
  onRingFailed: (error: unknown) => void;
};

/**
 * Throws `not_found`, `forbidden`, `execution_finished`, `execution_timed_out`, `output_too_large`, and `conflict` when the node does not wait
 * for a decision (any more). While other branches run the decision is taken down and acts when they rest; `status` says which.
 */
export async function decideOnStep(
  { database, queue, onRingFailed }: DecideDependencies,
  actor: Actor,
  id: string,
  decision: StepDecision,
): Promise<{ status: "queued" | "running" }> {
  if (decision.decision === "skip") requireFitting(decision.output);
  const woken = await database.transaction(principalsOf(actor), async (tx) => {
    const execution = await lockExecution(tx, id);
    if (!execution) throw notFound("execution");
    authorize(actor, "execution:run", execution);
    if (isTerminal(execution.status)) {
      throw new AppError("execution_finished", "The execution has ended: retry or fork it");
    }
    if (decision.decision === "skip") {
      await assertFilesVisible(tx, findFileReferences(decision.output), execution.workspaceId);
    }
    if (await isOverTime(tx, id)) throw timedOut();
    const woken = await decideStep(tx, id, decision);
    if (!woken) throw new AppError("conflict", `The node ${decision.nodeId} waits for no decision`);
    const target = { chainId: execution.workspaceId, targetType: "execution", targetId: id };
    const { nodeId, iteration } = decision;
    const details = { nodeId, iteration, decision: decision.decision };
    await appendAudit(tx, [{ ...target, actorId: actor.userId, action: "execution.step_decided", details }]);
    return woken;
  });
  crashPoint("api.after_decision_commit");
  // One that runs just now is queued again by its worker, in the commit in which it would begin to wait.
  if (woken.isQueued) queue.ring([toRing(woken)]).catch(onRingFailed);
  return { status: woken.isQueued ? "queued" : "running" };
}

/** It ends with `timeout` as soon as a worker looks at it, whatever anybody says. */
export function timedOut(): AppError {
  return new AppError("execution_timed_out", "The execution has taken longer than it may, and ends");
}

function requireFitting(output: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes <= MAX_OUTPUT_BYTES) return;
  const message = `The output has ${bytes} bytes of JSON, ${MAX_OUTPUT_BYTES} are allowed`;
  throw new AppError("output_too_large", message, { problems: [{ path: "output", message }] });
}
