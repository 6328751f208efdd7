// An execution file of the old Studio, as a record in today's words.
import type { ExecutionError } from "../../core/domain/execution.ts";
import type { FoundFile } from "./list-files.ts";
import { mapStatus, type Outcome } from "./map-status.ts";
import { readError, unfinished } from "./read-error.ts";
import { type PartFault, textOf } from "./read-graph.ts";
import { type OldStep, readSteps } from "./read-steps.ts";
import { readTime } from "./read-time.ts";
import { baseName, fieldsOf } from "./read-workflow.ts";

export type OldExecution = {
  legacyId: string;
  workflowLegacyId: string;
  version: number | null;
  status: Outcome;
  triggerType: string;
  input: unknown;
  output: unknown;
  error: ExecutionError | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string;
  steps: OldStep[];
  faults: PartFault[];
};

export function readExecution(value: unknown, file: FoundFile): OldExecution | PartFault {
  const fields = fieldsOf(value);
  if (!fields) return { path: [], reason: "no execution: the file holds no object" };
  const workflowLegacyId = textOf(fields.workflowId ?? fields.workflow_id);
  if (workflowLegacyId === null) return { path: ["workflowId"], reason: "an execution without a workflowId" };
  const outcome = mapStatus(fields.status);
  if (outcome === null)
    return { path: ["status"], reason: "the status is missing or nobody knows what it means" };
  const startedAt = readTime(fields.startedAt ?? fields.started_at);
  const ended = readTime(fields.finishedAt ?? fields.finished_at ?? fields.endedAt ?? fields.completedAt);
  const createdAt = readTime(fields.createdAt ?? fields.created_at) ?? startedAt ?? ended ?? file.modifiedAt;
  const status = outcome === "unfinished" ? "failed" : outcome;
  const { steps, faults } = readSteps(fields.steps, createdAt);
  return {
    legacyId: textOf(fields.id) ?? baseName(file),
    workflowLegacyId,
    version: Number.isInteger(Number(fields.version)) ? Number(fields.version) : null,
    status,
    triggerType: triggerTypeOf(fields.trigger),
    input: fields.input ?? null,
    output: fields.output ?? null,
    error: outcome === "unfinished" ? unfinished(fields.status) : readError(fields.error, status),
    createdAt,
    startedAt,
    finishedAt: ended ?? startedAt ?? createdAt,
    steps,
    faults,
  };
}

function triggerTypeOf(trigger: unknown): string {
  const type = typeof trigger === "string" ? trigger : fieldsOf(trigger)?.type;
  return type === "webhook" || type === "schedule" ? type : "manual";
}
