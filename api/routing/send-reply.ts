// Writes a reply. Answers about people's data are never stored by caches on the way.
import { pipeline } from "node:stream/promises";
import type { Response } from "express";
import type { ProblemDetails } from "./problem.ts";
import type { Reply } from "./route.ts";

export function sendReply(response: Response, reply: Reply): void {
  response.statusCode = reply.status;
  response.setHeader("cache-control", "no-store");
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (reply.stream) {
    // A client that goes away, or a source that fails half-way, ends the connection; the status is sent already.
    pipeline(reply.stream, response).catch(() => response.destroy());
    return;
  }
  if (reply.body === undefined) {
    response.end();
    return;
  }
  const isRaw =
    response.hasHeader("content-type") && (typeof reply.body === "string" || Buffer.isBuffer(reply.body));
  if (!isRaw) response.setHeader("content-type", "application/json; charset=utf-8");
  const payload = isRaw ? (reply.body as string | Buffer) : JSON.stringify(reply.body);
  response.setHeader("content-length", Buffer.byteLength(payload));
  response.end(payload);
}

export function sendProblem(
  response: Response,
  problem: ProblemDetails,
  headers: Record<string, string>,
): void {
  sendReply(response, {
    status: problem.status,
    headers: { ...headers, "content-type": "application/problem+json; charset=utf-8" },
    body: JSON.stringify(problem),
  });
}
