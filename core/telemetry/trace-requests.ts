// Spans of the api: a request from its head to its answer, and in it a submission until its commit.
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import type { TraceRequest, TraceSubmission } from "../domain/tracing.ts";
import { underTraceParent, writeTraceParent } from "./trace-parent.ts";

export function createRequestTrace(tracer: Tracer): TraceRequest {
  return (given, next) => {
    const parent = underTraceParent(ROOT_CONTEXT, given);
    // Its route is known when it has been found.
    const span = tracer.startSpan("request", { kind: SpanKind.SERVER }, parent);
    context.with(trace.setSpan(parent, span), next);
    return {
      end({ method, route, status }) {
        span.updateName(`${method} ${route}`);
        span.setAttributes({
          "http.request.method": method,
          "http.route": route,
          "http.response.status_code": status,
        });
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  };
}

export function createSubmissionTrace(tracer: Tracer): TraceSubmission {
  return async ({ workflowId }, work) => {
    const span = tracer.startSpan("submission", {
      kind: SpanKind.PRODUCER,
      attributes: { "atelier.workflow.id": workflowId },
    });
    try {
      return await work(writeTraceParent(span.spanContext()));
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  };
}
