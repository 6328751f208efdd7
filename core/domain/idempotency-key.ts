// The key under which an effect goes out, the same over attempts, crashes and resumes.
import { hash } from "node:crypto";

/** 64 hex characters from (root execution, node, iteration). */
export function effectKey(rootExecutionId: string, nodeId: string, iteration: string): string {
  return hash("sha256", `${rootExecutionId}\n${nodeId}\n${iteration}`);
}

/**
 * What stands for the root execution in a child's keys: a UUID (version 8) from the key of the node that made it, so
 * that every child of one node and iteration sends its effects under the same keys.
 */
export function childRootId(key: string): string {
  const hex = hash("sha256", `child\n${key}`);
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 3) | 8).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20)];
  return [...parts, hex.slice(20, 32)].join("-");
}
