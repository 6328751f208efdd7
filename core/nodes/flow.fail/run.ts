// Throws what the workflow's author wants people to read.
import { AppError } from "#core/domain/app-error.ts";
import type { NodeRunner } from "#core/domain/node.ts";

// The message stands in lists and log lines; a whole document put there by an expression must not.
const MAX_MESSAGE = 2_000;

/** Throws AppError `workflow_failed`, not retryable. */
export const runFail: NodeRunner<{ message: string }> = ({ message }) => {
  throw new AppError("workflow_failed", message.slice(0, MAX_MESSAGE).toWellFormed());
};
