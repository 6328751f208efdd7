// Whether the graph can start, and whether everything in it can be reached from a start.
import type { DrawnGraph, DrawnNode } from "./drawn-graph.ts";
import type { GraphProblem } from "./graph.ts";
import { isTrigger } from "./node-ports.ts";

/** Codes `no_trigger`, `unreachable_node`. */
export function checkReach({ nodes, compiled }: DrawnGraph): GraphProblem[] {
  const triggers = nodes.filter(looksLikeTrigger);
  if (triggers.length === 0) {
    const message = "The graph has no trigger; add a node of type trigger.manual and draw an edge from it";
    return [{ path: "nodes", code: "no_trigger", message }];
  }
  const reached = new Set(triggers.map(({ node }) => node.id));
  for (const id of reached) {
    for (const edge of compiled.outgoing.get(id) ?? []) reached.add(edge.target);
  }
  return nodes
    .filter(({ node }) => !reached.has(node.id))
    .map(({ index, node }) => ({
      nodeId: node.id,
      path: `nodes.${index}`,
      code: "unreachable_node",
      message: `No trigger leads to "${node.id}", so it would never run; connect or remove it`,
    }));
}

/** A mistyped trigger is one fault; every node behind it being unreachable would bury that. */
function looksLikeTrigger({ node, definition }: DrawnNode): boolean {
  return isTrigger(definition) || (!definition && node.type.startsWith("trigger."));
}
