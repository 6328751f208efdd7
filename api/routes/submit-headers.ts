// The two headers of a submission: Idempotency-Key, and Prefer: wait.
import type { Request } from "express";
import { AppError } from "#core/domain/app-error.ts";

const MAX_KEY = 200;
/** A client may wait for so long; longer runs are followed by events. */
const MAX_WAIT_SECONDS = 60;

export const idempotencyKeyHeader = {
  "Idempotency-Key": `1 to ${MAX_KEY} visible ASCII characters: the same key and body give the same answer again`,
};
export const preferHeader = {
  Prefer: `wait=SECONDS, at most ${MAX_WAIT_SECONDS}: answer with the whole execution when it ends in time`,
};

/** The key the client chose, undefined without one. Throws `invalid_header`. */
export function readIdempotencyKey(request: Request): string | undefined {
  const key = request.get("idempotency-key");
  if (key === undefined) return undefined;
  if (/^[\x21-\x7e]+$/.test(key) && key.length <= MAX_KEY) return key;
  throw new AppError("invalid_header", `Idempotency-Key takes 1 to ${MAX_KEY} visible ASCII characters`);
}

/** Milliseconds the client is willing to wait for the result, 0 without `Prefer: wait=SECONDS`. */
export function readPreferredWait(request: Request): number {
  const seconds = /(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])/.exec(request.get("prefer") ?? "")?.[1];
  return Math.min(Number(seconds ?? 0), MAX_WAIT_SECONDS) * 1_000;
}
