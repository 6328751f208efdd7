// Where a request comes from.
import type { Request } from "express";

/** The peer's address as this process sees it: no proxy header is believed. */
export function clientOf(request: Request): { userAgent: string; address: string } {
  return {
    userAgent: request.headers["user-agent"] ?? "",
    address: (request.socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, ""),
  };
}
