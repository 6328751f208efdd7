// Spans over OTLP: request → submission → queue → execution → node. They name things and never hold data.
import { ROOT_CONTEXT, type Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from "@opentelemetry/sdk-trace-node";
import type { Tracing, TracingOptions } from "./load-tracing.ts";
import { readVersion } from "./process-metrics.ts";
import { createRequestTrace, createSubmissionTrace } from "./trace-requests.ts";
import { createRunTrace } from "./trace-runs.ts";

/** Two seconds of 1,000 executions with six spans each; what does not fit is dropped, work never waits. */
const QUEUE = { maxQueueSize: 16_384, maxExportBatchSize: 2_048, scheduledDelayMillis: 1_000 };
const EXPORT_MS = 5_000;
const CLOSE_MS = 3_000;

/**
 * The exporter is no node: it speaks plain HTTP to the address the operator set, past the egress guard, which would refuse
 * a collector on a private address. OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER are read by the libraries.
 */
export function openTracing(options: Omit<TracingOptions, "endpoint"> & { endpoint: string }): Tracing {
  const url = `${options.endpoint.replace(/\/+$/, "")}/v1/traces`;
  const exporter = reportOnce(
    new OTLPTraceExporter({ url, timeoutMillis: EXPORT_MS }),
    options.onUndelivered,
  );
  const attributes = { "service.name": `atelier-${options.role}`, "service.version": readVersion() };
  const provider = new NodeTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(attributes)),
    spanProcessors: [new BatchSpanProcessor(exporter, { ...QUEUE, exportTimeoutMillis: EXPORT_MS })],
  });
  // What is active is carried over awaits; baggage of callers is carried nowhere.
  provider.register({ propagator: null });
  const tracer: Tracer = provider.getTracer("atelier");
  return {
    request: createRequestTrace(tracer),
    submission: createSubmissionTrace(tracer),
    run: createRunTrace(tracer, ROOT_CONTEXT),
    close: () => bounded(provider.shutdown()),
  };
}

/** One failure is told; a collector that is away for a day must not fill the log or end anything. */
function reportOnce(exporter: SpanExporter, onUndelivered: TracingOptions["onUndelivered"]): SpanExporter {
  let isTold = false;
  return {
    export(spans, done) {
      exporter.export(spans, ({ code, error }) => {
        if (code !== 0 && !isTold) {
          isTold = true;
          onUndelivered(error);
        }
        done({ code: 0 });
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

function bounded(work: Promise<void>): Promise<void> {
  const given = Promise.withResolvers<void>();
  const timer = setTimeout(given.resolve, CLOSE_MS);
  work.then(given.resolve, given.resolve);
  return given.promise.finally(() => clearTimeout(timer));
}
