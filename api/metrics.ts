// Prometheus numbers of this process, of the requests it answered and of what it committed for them.
import { Counter, collectDefaultMetrics, Histogram, type Registry } from "prom-client";
import { createCommitMetrics, type ObserveCommit } from "#core/telemetry/commit-metrics.ts";
import { type ConnectionUse, createProcessRegistry } from "#core/telemetry/process-metrics.ts";
import type { ObserveRequest } from "./middleware/front-door.ts";

export type Metrics = {
  observe: ObserveRequest;
  observeSubmissions: ObserveCommit;
  /** accepted, replayed, or the code of why a delivery at a webhook was refused. */
  observeDelivery(outcome: string): void;
  observeEagerStart(isHeard: boolean): void;
  registry: Registry;
  text(): Promise<string>;
  contentType: string;
};

// From a cached read (1 ms) to a submit that waits for its result (30 s).
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];

export function createMetrics(connections: () => ConnectionUse): Metrics {
  const registry = createProcessRegistry("api", connections);
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "Requests answered, by route pattern",
    labelNames: ["method", "route", "status"] as const,
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });
  const deliveries = new Counter({
    name: "atelier_webhook_deliveries_total",
    help: "Deliveries at webhooks: accepted, replayed, or why they were refused",
    labelNames: ["outcome"] as const,
    registers: [registry],
  });
  const eagerStarts = new Counter({
    name: "atelier_eager_starts_total",
    help: "Executions a worker was told of without the queue, by whether it was heard of them before a bell was rung",
    labelNames: ["outcome"] as const,
    registers: [registry],
  });
  return {
    observeEagerStart: (isHeard) => eagerStarts.inc({ outcome: isHeard ? "heard" : "unheard" }),
    observeDelivery: (outcome) => deliveries.inc({ outcome }),
    observe: ({ method, route, status }, seconds) => requests.observe({ method, route, status }, seconds),
    observeSubmissions: createCommitMetrics(registry)("submissions"),
    registry,
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
