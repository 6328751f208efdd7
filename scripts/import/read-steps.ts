// The steps of an old execution: a list, or an object by node id.
import type { ExecutionError } from "../../core/domain/execution.ts";
import { mapStatus, type Outcome } from "./map-status.ts";
import { readError, unfinished } from "./read-error.ts";
import { type PartFault, textOf } from "./read-graph.ts";
import { readTime } from "./read-time.ts";
import { fieldsOf } from "./read-workflow.ts";
import type { JsonPath } from "./scan-json.ts";

export type OldStep = {
  nodeId: string;
  nodeType: string | null;
  iteration: string;
  /** 1-based; a node that stands there again counts on. */
  attempt: number;
  status: Outcome;
  input: unknown;
  output: unknown;
  error: ExecutionError | null;
  startedAt: string;
  finishedAt: string;
};

type Candidate = { path: JsonPath; nodeId: unknown; value: unknown };

/** Steps without times of their own get `fallback`, the execution's. */
export function readSteps(value: unknown, fallback: string): { steps: OldStep[]; faults: PartFault[] } {
  const faults: PartFault[] = [];
  const steps: OldStep[] = [];
  const attempts = new Map<string, number>();
  if (value !== undefined && value !== null && typeof value !== "object") {
    faults.push({ path: ["steps"], reason: "the steps are neither a list nor an object" });
  }
  for (const { path, nodeId, value: candidate } of candidatesOf(value)) {
    const step = readStep(nodeId, candidate, fallback);
    if (typeof step === "string") {
      faults.push({ path, reason: step });
      continue;
    }
    const place = JSON.stringify([step.nodeId, step.iteration]);
    const attempt = (attempts.get(place) ?? 0) + 1;
    attempts.set(place, attempt);
    steps.push({ ...step, attempt });
  }
  return { steps, faults };
}

function candidatesOf(value: unknown): Candidate[] {
  if (Array.isArray(value)) {
    return value.map((step, index) => {
      const fields = fieldsOf(step);
      const nodeId = fields?.nodeId ?? fields?.node_id ?? fields?.node ?? fields?.id;
      return { path: ["steps", index], nodeId, value: step };
    });
  }
  const byNode = fieldsOf(value) ?? {};
  return Object.entries(byNode).map(([nodeId, step]) => ({ path: ["steps", nodeId], nodeId, value: step }));
}

/** The reason when it cannot be used. */
function readStep(nodeId: unknown, value: unknown, fallback: string): Omit<OldStep, "attempt"> | string {
  const fields = fieldsOf(value);
  const id = textOf(nodeId);
  if (!fields || id === null) return "a step without a node id";
  const outcome = mapStatus(fields.status);
  if (outcome === null)
    return `the status of the step of node "${id}" is missing or nobody knows what it means`;
  const startedAt = readTime(fields.startedAt ?? fields.started_at) ?? fallback;
  const iteration = textOf(fields.iteration);
  const status = outcome === "unfinished" ? "failed" : outcome;
  return {
    nodeId: id,
    nodeType: textOf(fields.nodeType ?? fields.type),
    iteration: iteration ?? "",
    status,
    input: fields.input ?? null,
    output: fields.output ?? null,
    error: outcome === "unfinished" ? unfinished(fields.status) : readError(fields.error, status),
    startedAt,
    finishedAt: readTime(fields.finishedAt ?? fields.finished_at ?? fields.endedAt) ?? startedAt,
  };
}
