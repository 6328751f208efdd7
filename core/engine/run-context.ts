// What one run of an execution carries through the engine.
import { AppError } from "#core/domain/app-error.ts";
import { type ClaimedExecution, NOT_LOADED } from "#core/domain/journal.ts";
import type { NodePorts } from "#core/domain/node.ts";
import type { Redactor } from "#core/domain/redact.ts";
import type { RunObserver } from "#core/domain/run-observer.ts";
import type { Evaluator } from "#core/expression/evaluator.ts";
import type { ApprovalSource } from "./approval-source.ts";
import type { ChildSource } from "./child-source.ts";
import type { CompiledWorkflow } from "./compile-workflow.ts";
import type { CredentialSource } from "./credential-source.ts";
import type { Journal } from "./journal.ts";
import type { ScopeProgress } from "./next-nodes.ts";
import type { Standstill } from "./standstill.ts";

export type RunContext = {
  execution: ClaimedExecution;
  workflow: CompiledWorkflow;
  journal: Journal;
  evaluator: Evaluator;
  ports: NodePorts;
  credentials: CredentialSource;
  children: ChildSource;
  approvals: ApprovalSource;
  /** Knows every secret this run has opened. */
  redactor: Redactor;
  observer: RunObserver | undefined;
  standstill: Standstill;
  /** Aborted with an AppError that says why: cancelled, lease_lost, shutdown or a sibling's failure. */
  signal: AbortSignal;
  /** Ends the run's other branches. */
  abort(reason: Error): void;
};

/** One pass through the graph or one iteration of a loop's body. */
export type RunScope = {
  /** "" at the top, "3" in the fourth item, "3/0" nested. */
  iteration: string;
  parent: RunScope | null;
  progress: ScopeProgress;
  outputs: Map<string, unknown>;
  item?: unknown;
  index?: number;
};

/** A node's output as seen from a scope: its own iteration first, then outside. */
export function findOutput(scope: RunScope, nodeId: string): unknown {
  for (let at: RunScope | null = scope; at; at = at.parent) {
    if (at.outputs.has(nodeId)) return knownOutput(at, nodeId);
  }
  return undefined;
}

/** Throws `engine_error` for one that a resume left out: nobody goes on with less than there is. */
export function knownOutput(scope: RunScope, nodeId: string): unknown {
  const output = scope.outputs.get(nodeId);
  if (output !== NOT_LOADED) return output;
  throw new AppError("engine_error", `The output of ${nodeId} was not loaded although it is needed`);
}
