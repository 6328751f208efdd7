// What a supervisor, a load balancer and Prometheus ask.
import { z } from "zod";
import type { Metrics } from "../metrics.ts";
import type { Readiness } from "../readiness.ts";
import { defineRoute, type Route } from "../routing/route.ts";

const statusSchema = z.object({ status: z.string() });

export function createHealthRoutes({
  readiness,
  metrics,
}: {
  readiness: Readiness;
  metrics: Metrics;
}): Route[] {
  const common = { method: "get", tag: "Operations", action: "public" } as const;
  return [
    defineRoute({
      ...common,
      path: "/healthz",
      summary: "Is the process up?",
      replies: { 200: { description: "It is", schema: statusSchema } },
      handle: async () => ({ status: 200, body: { status: "ok" } }),
    }),
    defineRoute({
      ...common,
      path: "/readyz",
      summary: "Can this process do its work? A canary knows; asking costs nothing",
      replies: {
        200: { description: "It can", schema: statusSchema },
        503: {
          description: "The database does not answer, or the process is stopping",
          schema: statusSchema,
        },
      },
      handle: async () =>
        readiness.isReady()
          ? { status: 200, body: { status: "ready" } }
          : { status: 503, headers: { "retry-after": "3" }, body: { status: "not ready" } },
    }),
    defineRoute({
      ...common,
      path: "/metrics",
      summary: "Prometheus metrics of this process",
      replies: {
        200: { description: "Text exposition format", schema: z.string(), contentType: "text/plain" },
      },
      handle: async () => ({
        status: 200,
        headers: { "content-type": metrics.contentType },
        body: await metrics.text(),
      }),
    }),
  ];
}
