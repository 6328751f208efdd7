// Traces are on where OTEL_EXPORTER_OTLP_ENDPOINT names a collector; elsewhere not even their libraries are loaded.
import type { TraceRequest, TraceRun, TraceSubmission } from "../domain/tracing.ts";

export type Tracing = {
  request: TraceRequest;
  submission: TraceSubmission;
  run: TraceRun;
  /** Sends what is left, for 3 seconds at most. */
  close(): Promise<void>;
};

export type TracingOptions = {
  /** Where the operator's collector takes OTLP over HTTP; spans go to `/v1/traces` below it. undefined: no traces. */
  endpoint: string | undefined;
  role: string;
  /** Called once when spans cannot be delivered, however often that happens. */
  onUndelivered: (error: Error | undefined) => void;
};

export async function loadTracing({ endpoint, ...options }: TracingOptions): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const { openTracing } = await import("./open-tracing.ts");
  return openTracing({ endpoint, ...options });
}
