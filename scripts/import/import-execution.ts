// Writes one finished execution with its steps, under its old time.

import type { ExecutionError } from "../../core/domain/execution.ts";
import { appendAudit } from "../../core/persistence/audit/audit-logs.ts";
import type { Executor } from "../../core/persistence/database.ts";
import {
  type ImportedExecution,
  type ImportedStep,
  insertImportedExecution,
  insertImportedSteps,
  isExecutionImported,
} from "../../core/persistence/imports/import-executions.ts";
import { deriveId } from "./derive-id.ts";
import { count, type ImportContext, openJsonFile, reportFaults, writeFile } from "./import-context.ts";
import { findKnownWorkflow, type KnownWorkflow } from "./known-workflows.ts";
import type { FoundFile } from "./list-files.ts";
import { type OldExecution, readExecution } from "./read-execution.ts";
import { identifierOf } from "./rename-nodes.ts";

export type ExecutionNeeds = {
  workflows: ReadonlyMap<string, KnownWorkflow>;
  /** Makes the partition of the instant's month, once. */
  ensureMonth: (at: string) => Promise<void>;
};

export async function importExecution(
  context: ImportContext,
  found: FoundFile,
  { workflows, ensureMonth }: ExecutionNeeds,
): Promise<void> {
  const json = await openJsonFile(context, found);
  if (!json) return;
  const execution = readExecution(json.value, found);
  if ("path" in execution) return reportFaults(context, found, json, [execution]);
  await ensureMonth(execution.createdAt);
  const outcome = await writeFile(context, async (tx) => {
    const legacyId = execution.workflowLegacyId;
    const workflow = workflows.get(legacyId) ?? (await findKnownWorkflow(tx, context.workspaceId, legacyId));
    return workflow ? writeExecution(context, tx, execution, workflow) : "orphan";
  });
  if (outcome === "orphan") {
    const reason = `the execution belongs to the workflow "${execution.workflowLegacyId}", which is not there`;
    return reportFaults(context, found, json, [{ path: ["workflowId"], reason }]);
  }
  reportFaults(context, found, json, execution.faults);
  count(context, "executions", outcome);
  count(context, "steps", outcome, execution.steps.length);
}

async function writeExecution(
  { workspaceId, ownerId }: ImportContext,
  tx: Executor,
  execution: OldExecution,
  workflow: KnownWorkflow,
): Promise<"written" | "skipped"> {
  const { legacyId, createdAt, version } = execution;
  const id = deriveId({ kind: "execution", workspaceId, createdAt, legacyId });
  if (await isExecutionImported(tx, { id, workspaceId, legacyId })) return "skipped";
  const row: ImportedExecution = {
    ...execution,
    id,
    workspaceId,
    workflowId: workflow.id,
    userId: ownerId,
    version: version !== null && workflow.versions.has(version) ? version : workflow.current,
    error: renameError(execution.error, workflow),
  };
  await insertImportedExecution(tx, row);
  await insertImportedSteps(tx, row, stepsOf(execution, workflow));
  const entry = { chainId: workspaceId, actorId: ownerId, action: "execution.imported" };
  await appendAudit(tx, [{ ...entry, targetType: "execution", targetId: id, details: { legacyId } }]);
  return "written";
}

function stepsOf({ steps }: OldExecution, workflow: KnownWorkflow): ImportedStep[] {
  return steps.map((step) => {
    const nodeId = renameNode(step.nodeId, workflow);
    const nodeType = workflow.nodeTypes.get(nodeId) ?? step.nodeType ?? "unknown";
    return { ...step, nodeId, nodeType, error: renameError(step.error, workflow) };
  });
}

function renameError(error: ExecutionError | null, workflow: KnownWorkflow): ExecutionError | null {
  return error?.nodeId === undefined ? error : { ...error, nodeId: renameNode(error.nodeId, workflow) };
}

/** A workflow from an earlier import has no list of renames; its nodes show whether this one was renamed. */
function renameNode(nodeId: string, { renames, nodeTypes }: KnownWorkflow): string {
  const plain = identifierOf(nodeId);
  return renames.get(nodeId) ?? (!nodeTypes.has(nodeId) && nodeTypes.has(plain) ? plain : nodeId);
}
