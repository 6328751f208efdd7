// Turns what sockets, TLS and the HTTP parser throw into the few codes callers know.
import { AppError } from "#core/domain/app-error.ts";

const TIMEOUTS = new Set([
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
]);
const INVALID = new Set(["UND_ERR_INVALID_ARG", "UND_ERR_NOT_SUPPORTED"]);
// Only what may pass by itself. TLS and parser faults are not here: the peer is wrong, not the moment.
const TRANSIENT = new Set([
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EMFILE",
  "ENETDOWN",
  "ENETUNREACH",
  "ENODATA",
  "ENOTFOUND",
  "EPIPE",
  "ESERVFAIL",
  "HPE_INVALID_EOF_STATE",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_SOCKET",
]);

/** `timeout`, `egress_too_large`, `egress_invalid_request` or `egress_connection_failed`; the cause is kept. */
export function toEgressError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const code = errorCode(cause);
  if (TIMEOUTS.has(code)) return timeoutError("the server did not answer in time", cause);
  if (code === "UND_ERR_HEADERS_OVERFLOW") {
    return new AppError("egress_too_large", "the response headers are too large", { cause });
  }
  if (INVALID.has(code)) return new AppError("egress_invalid_request", "the request is not valid", { cause });
  return new AppError("egress_connection_failed", `the connection failed (${code})`, {
    retryable: TRANSIENT.has(code),
    cause,
  });
}

export function timeoutError(message: string, cause?: unknown): AppError {
  return new AppError("timeout", message, { retryable: true, cause });
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError("egress_too_large", `the response is larger than ${maxBytes} bytes`);
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
