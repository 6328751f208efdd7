// Asks the engine to wait; called again, it says until when it was.
import type { NodeRunner } from "#core/domain/node.ts";
import type { WaitConfig } from "./definition.ts";

/** The output is `{until}`, an ISO time on the database's clock. */
export const runWait: NodeRunner<WaitConfig> = ({ ms, until }, { resumed }) => {
  if (resumed?.isDue) return { kind: "output", output: { until: resumed.until } };
  return { kind: "suspend", until: ms ?? new Date(until ?? 0).toISOString() };
};
