// What a run tells whoever watches it, for metrics, traces and log lines: facts about the work, never its data.
import type { ExecutionMove } from "./journal.ts";

export type AttemptEnd = {
  nodeId: string;
  nodeType: string;
  /** "" outside of loops. */
  iteration: string;
  attempt: number;
  /** stopped: the run was cancelled, lost or handed back in the middle of it. */
  outcome: "succeeded" | "failed" | "parked" | "stopped";
  /** Of what failed. */
  code?: string;
  /** Milliseconds of `performance.now()`. */
  startedAt: number;
  endedAt: number;
};

export type RunObserver = {
  /** After every attempt of a node. Must not throw. */
  attempted(attempt: AttemptEnd): void;
  /** After the commit of the execution's move. Must not throw. */
  moved(move: ExecutionMove): void;
};
