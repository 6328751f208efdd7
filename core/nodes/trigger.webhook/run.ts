// Hands what the webhook was sent to what follows.
import type { NodeRunner } from "#core/domain/node.ts";

export const runTriggerWebhook: NodeRunner<Record<string, never>> = (_config, context) => ({
  kind: "output",
  output: context.input ?? null,
});
