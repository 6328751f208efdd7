// Says what is to be run; the engine makes the execution and waits for its end.
import type { NodeRunner } from "#core/domain/node.ts";
import type { SubworkflowConfig } from "./definition.ts";

export const runSubworkflow: NodeRunner<SubworkflowConfig> = ({ workflowId, version, input }) => ({
  kind: "child",
  workflowId,
  ...(version === undefined ? {} : { version }),
  input: input ?? null,
});
