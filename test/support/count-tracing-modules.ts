// Prints how many modules of the tracing SDK and its exporter are loaded once api and worker are, with the endpoint of the
// first argument, if any. The bare OpenTelemetry API is loaded by prom-client in any case.
import { createRequire } from "node:module";
import { loadTracing } from "../../core/telemetry/load-tracing.ts";

await import("../../api/main.ts");
await import("../../worker/main.ts");
await loadTracing({ endpoint: process.argv[2], role: "api", onUndelivered() {} });
const loaded = Object.keys(createRequire(import.meta.url).cache);
const counted = loaded.filter((file) => /opentelemetry.(sdk|exporter|otlp|resources)/.test(file));
process.stdout.write(`${counted.length}\n`);
process.exit(0);
