// Hands the input of the schedule that started the execution to what follows.
import type { NodeRunner } from "#core/domain/node.ts";

export const runTriggerSchedule: NodeRunner<Record<string, never>> = (_config, context) => ({
  kind: "output",
  output: context.input ?? null,
});
