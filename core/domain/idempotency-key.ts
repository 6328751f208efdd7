// The key under which an effect goes out, the same over attempts, crashes and resumes.
import { createHash } from "node:crypto";

/** 64 hex characters from (root execution, node, iteration). */
export function effectKey(rootExecutionId: string, nodeId: string, iteration: string): string {
  return createHash("sha256").update(`${rootExecutionId}\n${nodeId}\n${iteration}`).digest("hex");
}
