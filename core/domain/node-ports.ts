// The ports of a node as drawn, and which of them an edge means.
import { LOOP_BODY_PORT, LOOP_TYPE } from "./compile-graph.ts";
import type { GraphNode } from "./graph.ts";
import type { NodeDefinition } from "./node.ts";

/** The port of a node that has only one. */
export const MAIN_PORT = "out";
/** Where a failure leaves a node whose `onError` is "error". */
export const ERROR_PORT = "error";

/** The ports of the type itself, without `error`. */
export function outputsOf(definition: NodeDefinition, node: GraphNode): readonly string[] {
  const { outputs } = definition;
  return typeof outputs === "function" ? outputs(node.data?.config ?? {}) : outputs;
}

/** The ways on from a node that has ended: a loop's body is none. */
export function exitsOf(definition: NodeDefinition, node: GraphNode): readonly string[] {
  const outputs = outputsOf(definition, node);
  return node.type === LOOP_TYPE ? outputs.filter((port) => port !== LOOP_BODY_PORT) : outputs;
}

export function isTrigger(definition: NodeDefinition | undefined): boolean {
  return definition?.category === "trigger";
}

export function hasErrorPort(definition: NodeDefinition | undefined, node: GraphNode): boolean {
  return node.data?.onError === "error" && !isTrigger(definition);
}

/** An edge without a handle means the only port of its source; undefined when there is no such port. */
export function meantPort(handle: string | null | undefined, outputs: readonly string[]): string | undefined {
  return handle ?? (outputs.length === 1 ? outputs[0] : undefined);
}
