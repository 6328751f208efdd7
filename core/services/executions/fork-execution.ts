// Forks an ended execution: from any node on, with another input or version if asked.
import { v7 as uuidv7 } from "uuid";
import { AppError } from "../../domain/app-error.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import { isTerminal } from "../../domain/execution.ts";
import { findFileReferences } from "../../domain/file-references.ts";
import { planFork } from "../../domain/plan-fork.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { type ForkSource, findForkSource, insertFork } from "../../persistence/executions/fork-execution.ts";
import { findVersion } from "../../persistence/workflows/workflow-versions.ts";
import { findWorkflow } from "../../persistence/workflows/workflows.ts";
import { toRing } from "../../queue/bells.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import { principalsOf } from "../principals-of.ts";
import { assertFilesVisible } from "../workflows/check-file-references.ts";
import type { BacklogGuard } from "./guard-backlogs.ts";
import { refuseExpired } from "./refuse-expired.ts";

/** `input` wrapped, so that null is an input too; without it and `version` those of the old one are taken. */
export type ForkOptions = { fromNode: string; input?: { value: unknown }; version?: number | undefined };

export type ForkDependencies = {
  database: Database;
  queue: ExecutionQueue;
  backlogs: BacklogGuard;
  onRingFailed: (error: unknown) => void;
};

/** Throws `not_found`, `forbidden`, `conflict` while the old one runs, `payload_expired`, `invalid_fork` where nothing can start, `queue_full`. */
export async function forkExecution(
  { database, queue, backlogs, onRingFailed }: ForkDependencies,
  actor: Actor,
  id: string,
  options: ForkOptions,
): Promise<{ id: string; forkOf: string }> {
  const made = await database.transaction(principalsOf(actor), async (tx) => {
    const source = await findForkSource(tx, id);
    if (!source) throw notFound("execution");
    authorize(actor, "execution:run", source);
    // An archived workflow runs no more, by whatever way.
    if (!(await findWorkflow(tx, source.workflowId))) throw notFound("workflow");
    if (!isTerminal(source.status)) {
      throw new AppError("conflict", "Only an execution that has ended can be forked: cancel it first");
    }
    refuseExpired(source.payloadExpiredAt);
    await backlogs.requireRoom(tx, source.workspaceId);
    const { input = null, fromNode, version = source.version } = options;
    const nodes = await planCopies(tx, source, { fromNode, version, inputChanged: input !== null });
    if (input) await assertFilesVisible(tx, findFileReferences(input.value), source.workspaceId);
    const made = await insertFork(tx, { id: uuidv7(), of: id, userId: actor.userId, version, input, nodes });
    if (!made) throw notFound("execution");
    const target = { chainId: made.workspaceId, targetType: "execution", targetId: made.id };
    const details = { forkOf: id, fromNode, version, inputChanged: input !== null };
    await appendAudit(tx, [{ ...target, actorId: actor.userId, action: "execution.forked", details }]);
    return made;
  });
  crashPoint("api.after_fork_commit");
  queue.ring([toRing(made)]).catch(onRingFailed);
  backlogs.note([{ workspaceId: made.workspaceId, made: true }]);
  return { id: made.id, forkOf: id };
}

async function planCopies(
  tx: Executor,
  { workflowId, version, triggerNode }: ForkSource,
  fork: { fromNode: string; version: number; inputChanged: boolean },
) {
  const source = await findVersion(tx, workflowId, version);
  const target = fork.version === version ? source : await findVersion(tx, workflowId, fork.version);
  if (!source || !target) throw notFound(`version ${target ? version : fork.version}`);
  const graphs = { source: source.graph, target: target.graph };
  return planFork({ ...graphs, ...fork, trigger: triggerNode });
}
