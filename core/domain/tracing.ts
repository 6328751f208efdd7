// The ports of tracing, by who uses them. None is given where no endpoint is set, and nothing is done for it then.
import type { ClaimedExecution } from "./journal.ts";
import type { AttemptEnd } from "./run-observer.ts";

/** W3C Trace Context: version, trace, span and flags in hex. It names no person and no data. */
export type TraceParent = string;

/** A span around the answer to a request; `given` is the traceparent its caller sent, `next` answers it. */
export type RequestTrace = { end(facts: { method: string; route: string; status: number }): void };
export type TraceRequest = (given: string | undefined, next: () => void) => RequestTrace;

/** A span around a submission, until its commit; the execution carries its traceparent. */
export type TraceSubmission = <Result>(
  facts: { workflowId: string },
  work: (traceParent: TraceParent) => Promise<Result>,
) => Promise<Result>;

/** One claim of an execution: how long it had waited, its nodes, its end. */
export type RunTrace = {
  attempted(attempt: AttemptEnd): void;
  ended(end: string, code: string | undefined): void;
};
export type TraceRun = (execution: ClaimedExecution) => RunTrace;
