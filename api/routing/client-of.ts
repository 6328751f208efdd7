// Where a request comes from.
import { isIP } from "node:net";
import type { Request } from "express";

/**
 * The right-most address of X-Forwarded-For that is no trusted proxy's, as the app's `trust proxy` has it; the peer's
 * own where the peer is no trusted proxy, or forwards what is no address.
 */
export function clientOf(request: Request): { userAgent: string; address: string } {
  const forwarded = request.ip ?? "";
  const address = isIP(forwarded) ? forwarded : (request.socket.remoteAddress ?? "");
  return {
    userAgent: request.headers["user-agent"] ?? "",
    address: address.replace(/^::ffff:(?=\d+\.)/i, ""),
  };
}
