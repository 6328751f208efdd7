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
  /** The execution it is a sub-workflow of, and how many there are above it. */
  parentId: string | null;
  depth: number;
  triggerType: string;
  triggerNode: string | null;
  trigger: Record<string, unknown>;
  input: unknown;
  priority: number;
  /** How far behind others it is heard; its children as far. */
  band: number;
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
  /** ISO time at which a waiting step is due, or a failed one is tried again; without it, whenever it is looked at. */
  wakeAt?: string | null;
  /** Of a step that has suspended; absent from all others. */
  state?: StepState | null;
  /** An execution to be made in the commit that first writes this step; never read back. */
  child?: ChildStart;
  /** An approval to be asked for in the commit that first writes this step; never read back. */
  approval?: ApprovalStart;
  /** The step ends because this approval's time is over, which the audit log hears; never read back. */
  expired?: { approvalId: string; workspaceId: string };
};

/** Stands for an output that a resume has left in the journal. */
export const NOT_LOADED = Symbol("not loaded");

export type ApprovalStart = {
  id: string;
  message: string;
  approvers: readonly string[];
  quorum: number;
  /** ISO time on the database's clock; null: it waits for ever. */
  deadline: string | null;
  /** Whom the execution belongs to may not decide. */
  excludeRequester: boolean;
};

export type ChildStart = {
  id: string;
  workflowId: string;
  version: number;
  input: unknown;
  rootId: string;
  /** Whose child it is. */
  execution: Readonly<Pick<ClaimedExecution, "userId" | "workspaceId" | "priority" | "band">>;
};

/** How a child ended, as its parent's step finds it in `answer`. */
export type ChildEnd = {
  status: "succeeded" | "failed" | "cancelled";
  output: unknown;
  error: ExecutionError | null;
  /** It has not succeeded, and something that must not be repeated has gone out in it or below it. */
  hasSentOnce?: boolean;
};

/** What a suspended step keeps: until when it asked to wait, for whom, and the answer that was written meanwhile. */
export type StepState = {
  until?: string;
  waitsFor?: Readonly<Record<string, unknown>>;
  answer?: unknown;
  /** The execution it waits for; its end is the answer. */
  childId?: string;
  /** The approval it waits for; its end is the answer. */
  approvalId?: string;
  /** What a person has decided about its effect while other branches ran: how it ends. */
  decision?: { status: "succeeded" | "failed"; output: unknown; error: StepError | null };
};

/**
 * A retry or fork sends an idempotent effect again under its old key after a failure that is `retryable` or `inDoubt`. Of
 * an effect that must not be repeated only `inDoubt: false` lets it go out again (`leavesDoubt`, and copySteps in SQL).
 */
export type StepError = ExecutionError & { retryable?: boolean; inDoubt?: boolean };

/** Where an execution goes when its worker lets go of it. */
export type ExecutionMove = {
  to: Exclude<ExecutionStatus, "running">;
  output?: unknown;
  error?: ExecutionError | null;
  /** To `waiting` only: the ISO time at which it is woken, null: when somebody wakes it. */
  availableAt?: string | null;
  /** To `waiting` only: the wake number it was claimed under. Woken since then, it is queued again instead. */
  wake?: number;
};

/** What one execution has to write, in one commit. */
export type JournalWrite = {
  executionId: string;
  fence: number;
  steps: readonly StepRecord[];
  /** About how much JSON the steps hold, so that a batch does not grow beyond what one statement can carry. */
  bytes?: number;
  /** Who is to be rung when the move ends it. */
  parentId?: string | null;
  move?: ExecutionMove;
};
