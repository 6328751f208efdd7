// The value has been evaluated by the time it gets here; nothing is left to do but hand it on.
import type { NodeRunner } from "#core/domain/node.ts";

export const runTransform: NodeRunner<{ value?: unknown }> = ({ value }) => ({
  kind: "output",
  output: value ?? null,
});
