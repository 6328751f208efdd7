// Why something failed in the old Studio, in today's shape.
import type { ExecutionError } from "../../core/domain/execution.ts";
import type { Outcome } from "./map-status.ts";
import { textOf } from "./read-graph.ts";
import { fieldsOf } from "./read-workflow.ts";

export function unfinished(status: unknown): ExecutionError {
  return { code: "imported_unfinished", message: `It was ${status} when the old Studio stopped` };
}

/** A text, an object with a message, or nothing; what else an object says is kept as details. */
export function readError(error: unknown, status: Outcome): ExecutionError | null {
  const fields = fieldsOf(error);
  if (!fields && (error === undefined || error === null || error === "")) {
    if (status !== "failed") return null;
    return { code: "imported_error", message: "The old Studio kept no reason" };
  }
  const text = typeof error === "string" ? error : fields?.message;
  const nodeId = textOf(fields?.nodeId ?? fields?.node);
  return {
    code: "imported_error",
    message: typeof text === "string" ? text : JSON.stringify(error),
    ...(nodeId === null ? {} : { nodeId }),
    ...(fields ? { details: fields } : {}),
  };
}
