// Picks the port by the truth of the evaluated value.
import { isTruthy } from "#core/domain/is-truthy.ts";
import type { NodeRunner } from "#core/domain/node.ts";

export const runCondition: NodeRunner<{ when?: unknown }> = ({ when }) => {
  const result = isTruthy(when);
  return { kind: "output", output: { result }, port: String(result) };
};
