// Turns whatever a node threw into the error that is stored and shown.
import { AppError } from "#core/domain/app-error.ts";
import type { StepError } from "#core/domain/journal.ts";

const MAX_MESSAGE = 2_000;
/** 5,000 problems of one config make 300 KB; code and message must survive them. */
const MAX_DETAILS = 65_536;

/**
 * Errors of our own keep code and details; anything else is `node_failed` and not retried. `redact` takes secrets out
 * before anything is cut to size.
 */
export function toStepError(
  error: unknown,
  nodeId: string,
  redact: <Value>(value: Value) => Value = (value) => value,
): StepError {
  if (error instanceof AppError) {
    const details = { ...error.details, ...(error.problems.length > 0 ? { problems: error.problems } : {}) };
    return {
      code: error.code,
      message: redact(error.message).slice(0, MAX_MESSAGE),
      nodeId,
      retryable: error.retryable,
      ...(error.inDoubt === undefined ? {} : { inDoubt: error.inDoubt }),
      ...(Object.keys(details).length > 0 ? { details: redact(fitDetails(details)) } : {}),
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "node_failed", message: redact(message).slice(0, MAX_MESSAGE), nodeId, retryable: false };
}

function fitDetails(details: Readonly<Record<string, unknown>>): unknown {
  try {
    const { length } = JSON.stringify(details);
    return length > MAX_DETAILS ? { $omitted: `${length} characters of JSON` } : details;
  } catch {
    return { $omitted: "not JSON" };
  }
}

/** Milliseconds the other side asked us to wait, 0 when it did not. */
export function retryAfterOf(error: StepError): number {
  const details = error.details;
  if (typeof details !== "object" || details === null || !("retryAfterMs" in details)) return 0;
  return typeof details.retryAfterMs === "number" ? details.retryAfterMs : 0;
}
