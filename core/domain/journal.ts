// What a worker claims and what it writes down: the journal's rows, shared by engine and persistence.

import type { ExecutionError, ExecutionStatus, StepStatus } from "./execution.ts";
import type { EffectClass } from "./node.ts";

/** One claimed execution: everything the engine needs to know, read by the claim itself. */
export type ClaimedExecution = {
  id: string;
  workspaceId: string;
  workflowId: string;
  version: number;
  userId: string;
  rootId: string;
  triggerType: string;
  triggerNode: string | null;
  trigger: Record<string, unknown>;
  input: unknown;
  priority: number;
  wake: number;
  labels: string[];
  /** Grows with every claim; a write under an older one commits nothing. */
  fence: number;
  crashCount: number;
  cancelRequested: boolean;
  /** Whether steps may exist already: a resumed, retried or forked execution. */
  hasHistory: boolean;
  /** Its workflow or workspace runs so many at once: when it lets go, others are rung for. */
  isLimited?: boolean;
  /** ISO time of the first claim: what `$now()` answers, however often the execution is resumed. */
  startedAt: string;
  /** ISO time of this claim on the database clock. */
  claimedAt: string;
  /** How long it could have been taken before it was, on the database clock. */
  queuedSeconds: number;
  /** The W3C traceparent of its submission, where traces are on. */
  traceParent: string | null;
};

/** One attempt of one node. Identity: execution, node, iteration, attempt. */
export type StepRecord = {
  nodeId: string;
  nodeType: string;
  iteration: string;
  attempt: number;
  status: StepStatus;
  /** The order of what happened in the execution. */
  seq: number;
  effect: EffectClass;
  idempotencyKey: string | null;
  port: string | null;
  input: unknown;
  output: unknown;
  error: StepError | null;
  startedAt: string;
  finishedAt: string | null;
};

/** `retryable` also says whether a definitive answer had come: a retryable failure leaves the effect in doubt. */
export type StepError = ExecutionError & { retryable?: boolean };

/** Where an execution goes when its worker lets go of it. */
export type ExecutionMove = {
  to: Exclude<ExecutionStatus, "running">;
  output?: unknown;
  error?: ExecutionError | null;
};

/** What one execution has to write, in one commit. */
export type JournalWrite = {
  executionId: string;
  fence: number;
  steps: readonly StepRecord[];
  /** About how much JSON the steps hold, so that a batch does not grow beyond what one statement can carry. */
  bytes?: number;
  move?: ExecutionMove;
};
