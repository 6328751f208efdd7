// The three ways an expression can go wrong, as AppErrors, and the fixed limits they speak of.

import { AppError } from "#core/domain/app-error.ts";
import type { PoolFaults } from "#core/sandbox/process-pool.ts";

export const MAX_SOURCE_LENGTH = 256 * 1024;
export const MAX_DEPTH = 200;
export const DEFAULT_MAX_OUTPUT_BYTES = 5 * 1024 * 1024;

/** Which bound was hit; part of `details.limit` of an `expression_limit`. */
export type ExpressionLimit = "time" | "memory" | "output" | "depth" | "work" | "sequence";

/** `expression_limit`: never retryable, the same expression on the same data would hit it again. */
export function limitError(limit: ExpressionLimit, message: string, cause?: unknown): AppError {
  return new AppError("expression_limit", message, {
    details: { limit },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** `expression_failed` with JSONata's own code (`T2001`, `D1001` …) and the offset in the source where known. */
export function failedError(jsonataCode: string, message: string, position?: number): AppError {
  return new AppError("expression_failed", message, {
    details: { jsonataCode, ...(position === undefined ? {} : { position }) },
  });
}

/** `expression_syntax` with line and column (from 1) of `position` (from 0: where JSONata says the bad token ends). */
export function syntaxError(source: string, position: number, message: string, cause?: unknown): AppError {
  const before = source.slice(0, position);
  const line = before.split("\n").length;
  const column = position - (before.lastIndexOf("\n") + 1) + 1;
  return new AppError("expression_syntax", `${message} (line ${line}, column ${column})`, {
    details: { position, line, column, source: source.slice(0, 200) },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What becomes of an expression whose process fails it; the retryable ones say nothing about the expression. */
export function poolFaults(megabytes: number): PoolFaults {
  const retryable = (code: string, message: string) => new AppError(code, message, { retryable: true });
  return {
    busy: (message) => retryable("expression_busy", `The expression cannot be evaluated now: ${message}`),
    time: (milliseconds) => limitError("time", `The expression took longer than ${milliseconds} ms`),
    memory: () => limitError("memory", `The expression needed more than ${megabytes} MB of memory`),
    lost: () => retryable("expression_interrupted", "The evaluating process was ended from outside"),
    unavailable: () => retryable("expression_unavailable", "No process for expressions starts"),
    unsendable: () => failedError("D0000", "The data that the expression reads is not plain JSON"),
  };
}
