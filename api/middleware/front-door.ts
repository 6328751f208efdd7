// First and last thing that sees a request: gives it an id, and writes one log line and one metric when it ends.
import { randomUUID } from "node:crypto";
import type { NextFunction, Request, Response } from "express";
import type { RequestTrace, TraceRequest } from "#core/domain/tracing.ts";
import type { Logger } from "#core/logger.ts";
import { openContext } from "../routing/request-context.ts";

/** Called once per request; `seconds` from the first byte of the head to the end of the answer. */
export type ObserveRequest = (
  labels: { method: string; route: string; status: number },
  seconds: number,
) => void;

// A caller's id is kept for tracing when it is harmless in a log line.
const REQUEST_ID = /^[A-Za-z0-9_.-]{8,64}$/;

const QUIET: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics", "/assets"]);

export function createFrontDoor(logger: Logger, observe: ObserveRequest, traceRequest?: TraceRequest) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const startedAt = performance.now();
    const given = request.headers["x-request-id"];
    const requestId = typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
    const context = openContext(request, requestId);
    response.setHeader("x-request-id", requestId);
    let trace: RequestTrace | undefined;
    response.once("close", () => {
      const ms = performance.now() - startedAt;
      const { method } = request;
      // The pattern, never the path: paths hold ids and, for hooks, secrets.
      const route = context.route ?? "unmatched";
      const status = response.writableFinished ? response.statusCode : 499;
      observe({ method, route, status }, ms / 1_000);
      trace?.end({ method, route, status });
      const { userId } = context;
      // Probes come every few seconds, and a page of the Studio brings a dozen files: they would drown the rest.
      const level = QUIET.has(route) && status < 500 ? "debug" : "info";
      logger[level]({ method, route, status, ms: Math.round(ms * 10) / 10, requestId, userId }, "request");
    });
    // What goes on inside `next`, and after it, is in the trace; probes are not worth one.
    const parent = request.headers.traceparent;
    if (!traceRequest || QUIET.has(request.path)) next();
    else trace = traceRequest(typeof parent === "string" ? parent : undefined, next);
  };
}
