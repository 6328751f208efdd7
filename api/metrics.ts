// Prometheus numbers of this process and of the requests it answered.
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { ObserveRequest } from "./middleware/front-door.ts";

export type Metrics = { observe: ObserveRequest; text(): Promise<string>; contentType: string };

// From a cached read (1 ms) to a submit that waits for its result (30 s).
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "Requests answered, by route pattern",
    labelNames: ["method", "route", "status"] as const,
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });
  return {
    observe: ({ method, route, status }, seconds) => requests.observe({ method, route, status }, seconds),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
