// One line of the terminal for each step that ended.
import type { Step } from "./follow-execution.ts";

export const stepHeading = columns("node", "item", "status", "ms", "");

export function stepLine(step: Step): string {
  const ms = step.finishedAt === null ? "" : String(Date.parse(step.finishedAt) - Date.parse(step.startedAt));
  const again = step.attempt > 1 ? `attempt ${step.attempt}` : "";
  const fault = step.error === null ? "" : `${step.error.code}: ${step.error.message}`;
  return columns(step.nodeId, step.iteration, step.status, ms, [again, fault].filter(Boolean).join(", "));
}

function columns(node: string, item: string, status: string, ms: string, note: string): string {
  const cells = [node.padEnd(10), item.padStart(4), ` ${status.padEnd(9)}`, ms.padStart(7), note];
  return `  ${cells.join(" ")}`.trimEnd();
}
