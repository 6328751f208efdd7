// W3C Trace Context as text, https://www.w3.org/TR/trace-context/: the link from a span to what goes on elsewhere.
import { type Context, isSpanContextValid, type SpanContext, trace } from "@opentelemetry/api";
import type { TraceParent } from "../domain/tracing.ts";

const SHAPE = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;

export function writeTraceParent({ traceId, spanId, traceFlags }: SpanContext): TraceParent {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** `context` under the span that `given` names; as it is when that names none. */
export function underTraceParent(context: Context, given: TraceParent | null | undefined): Context {
  const [, traceId, spanId, flags] = SHAPE.exec(given ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return context;
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(context, parent) : context;
}
