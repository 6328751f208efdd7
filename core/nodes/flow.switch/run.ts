// Picks the port of the first case that fits.
import { isRecord } from "#core/domain/drawn-graph.ts";
import { isTruthy } from "#core/domain/is-truthy.ts";
import { jsonEqual } from "#core/domain/json-equal.ts";
import type { NodeRunner } from "#core/domain/node.ts";
import { SWITCH_DEFAULT_PORT, type SwitchCase, type SwitchConfig } from "./definition.ts";

export const runSwitch: NodeRunner<SwitchConfig> = ({ value = null, cases }) => {
  const taken = cases.find((each) => fits(each, value));
  const port =
    taken === undefined ? SWITCH_DEFAULT_PORT : typeof taken === "object" ? taken.port : String(taken);
  return { kind: "output", output: { value, port }, port };
};

/** Evaluation leaves out a key whose expression has no value; a case that lost its `equals` or `when` fits nothing. */
export function restoreCases(config: unknown): unknown {
  if (!isRecord(config) || !Array.isArray(config.cases)) return config;
  const restore = (each: unknown): unknown =>
    isRecord(each) && !("equals" in each) && !("when" in each) ? { ...each, when: false } : each;
  return { ...config, cases: config.cases.map(restore) };
}

function fits(each: SwitchCase, value: unknown): boolean {
  if (typeof each !== "object") return isScalar(value) && String(value) === String(each);
  if ("when" in each) return isTruthy(each.when);
  return jsonEqual(each.equals ?? null, value);
}

/** The short form names a port, so 1 and true fit the cases "1" and "true"; null and lists fit none. */
function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
