// Hands the execution's input to what follows.
import type { NodeRunner } from "#core/domain/node.ts";

export const runTriggerManual: NodeRunner<Record<string, never>> = (_config, context) => ({
  kind: "output",
  output: context.input ?? null,
});
