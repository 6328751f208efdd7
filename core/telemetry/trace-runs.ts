// Spans of the worker: how long an execution waited, one claim of it, and every attempt of its nodes.
import { type Context, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import type { ClaimedExecution } from "../domain/journal.ts";
import type { AttemptEnd } from "../domain/run-observer.ts";
import type { TraceRun } from "../domain/tracing.ts";
import { underTraceParent } from "./trace-parent.ts";

const UNTRACED = { attempted() {}, ended() {} };

/** Begun again after a crash or a wait, an execution goes on in the trace of its submission. */
export function createRunTrace(tracer: Tracer, root: Context): TraceRun {
  return (execution) => {
    const parent = underTraceParent(root, execution.traceParent);
    const attributes = identify(execution);
    const now = Date.now();
    const waited = tracer.startSpan(
      "queue",
      { kind: SpanKind.CONSUMER, startTime: now - execution.queuedSeconds * 1_000, attributes },
      parent,
    );
    waited.end(now);
    if (!waited.isRecording() && !(waited.spanContext().traceFlags & 1)) return UNTRACED;
    const span = tracer.startSpan("execution", { startTime: now, attributes }, trace.setSpan(parent, waited));
    const inside = trace.setSpan(parent, span);
    return {
      attempted: (attempt) => traceAttempt(tracer, inside, execution.id, attempt),
      ended(end, code) {
        span.setAttribute("atelier.execution.end", end);
        if (code !== undefined) span.setAttribute("atelier.error.code", code);
        if (end === "failed") span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  };
}

function identify({ id, workflowId, version, fence, crashCount }: ClaimedExecution) {
  return {
    "atelier.execution.id": id,
    "atelier.workflow.id": workflowId,
    "atelier.workflow.version": version,
    "atelier.execution.claim": fence,
    "atelier.execution.crashes": crashCount,
  };
}

/** Written down when it has ended, with the times it had. */
function traceAttempt(tracer: Tracer, parent: Context, executionId: string, end: AttemptEnd): void {
  const at = (ms: number) => performance.timeOrigin + ms;
  const attributes = {
    "atelier.execution.id": executionId,
    "atelier.node.id": end.nodeId,
    "atelier.node.type": end.nodeType,
    "atelier.node.iteration": end.iteration,
    "atelier.node.attempt": end.attempt,
    "atelier.node.outcome": end.outcome,
    ...(end.code === undefined ? {} : { "atelier.error.code": end.code }),
  };
  const span = tracer.startSpan(`node ${end.nodeType}`, { startTime: at(end.startedAt), attributes }, parent);
  if (end.outcome === "failed") span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(at(end.endedAt));
}
