// What the import writes as finished executions with their steps.
import type { ExecutionError, ExecutionStatus, StepStatus } from "../../domain/execution.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** By the derived id (one partition) or, when the file's time changed since, by the old id. */
export async function isExecutionImported(
  tx: Executor,
  { id, workspaceId, legacyId }: { id: string; workspaceId: string; legacyId: string },
): Promise<boolean> {
  const found =
    (await tx.one(sql`select 1 from workflow_executions where id = ${id}`)) ??
    (await tx.one(sql`select 1 from workflow_executions
      where workspace_id = ${workspaceId} and legacy_id = ${legacyId} limit 1`));
  return found !== null;
}

export type ImportedExecution = {
  id: string;
  workspaceId: string;
  workflowId: string;
  version: number;
  userId: string;
  status: Extract<ExecutionStatus, "succeeded" | "failed" | "cancelled">;
  triggerType: string;
  input: unknown;
  output: unknown;
  error: ExecutionError | null;
  legacyId: string;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string;
};

export async function insertImportedExecution(tx: Executor, row: ImportedExecution): Promise<void> {
  await tx.run(sql`
    insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, status, trigger_type, trigger,
      input, output, error, available_at, root_id, legacy_id, created_at, started_at, finished_at)
    values (${row.id}, ${row.workspaceId}, ${row.workflowId}, ${row.version}, ${row.userId}, ${row.status},
      ${row.triggerType}, ${JSON.stringify({ type: row.triggerType, imported: true })}, ${json(row.input)},
      ${json(row.output)}, ${json(row.error)}, ${row.createdAt}, ${row.id}, ${row.legacyId}, ${row.createdAt},
      ${row.startedAt}, ${row.finishedAt})`);
}

export type ImportedStep = {
  nodeId: string;
  iteration: string;
  attempt: number;
  nodeType: string;
  status: StepStatus;
  input: unknown;
  output: unknown;
  error: ExecutionError | null;
  startedAt: string;
  finishedAt: string | null;
};

/** The steps' order is their sequence. */
export async function insertImportedSteps(
  tx: Executor,
  { id, workspaceId }: Pick<ImportedExecution, "id" | "workspaceId">,
  steps: readonly ImportedStep[],
): Promise<void> {
  if (steps.length === 0) return;
  const column = <Value>(pick: (step: ImportedStep, index: number) => Value) => steps.map(pick);
  await tx.run(sql`
    insert into execution_steps (execution_id, workspace_id, fence, seq, node_id, iteration, attempt, node_type,
      status, input, output, error, started_at, finished_at)
    select ${id}::uuid, ${workspaceId}::uuid, 0, s.* from unnest(
      ${column((_, index) => index + 1)}::int[], ${column((step) => step.nodeId)}::text[],
      ${column((step) => step.iteration)}::text[], ${column((step) => step.attempt)}::int[],
      ${column((step) => step.nodeType)}::text[], ${column((step) => step.status)}::text[],
      ${column((step) => json(step.input))}::jsonb[], ${column((step) => json(step.output))}::jsonb[],
      ${column((step) => json(step.error))}::jsonb[], ${column((step) => step.startedAt)}::timestamptz[],
      ${column((step) => step.finishedAt)}::timestamptz[]) as s`);
}

function json(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
