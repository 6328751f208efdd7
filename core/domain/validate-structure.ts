// Everything about a graph that can be judged from its shape: names, edges, ports, cycles, reach, loops, pins.
import { checkEdges } from "./check-edges.ts";
import { checkLoops } from "./check-loops.ts";
import { checkPins } from "./check-pins.ts";
import { checkPorts } from "./check-ports.ts";
import { checkReach } from "./check-reach.ts";
import type { DrawnGraph } from "./drawn-graph.ts";
import { findRings } from "./find-cycle.ts";
import { type GraphProblem, NODE_ID } from "./graph.ts";

// A ring through thousands of nodes is named by its beginning.
const MAX_RING_SHOWN = 20;

/** All problems at once; pure. Linear in nodes and edges. */
export function validateStructure(drawn: DrawnGraph): GraphProblem[] {
  return [
    ...checkNodes(drawn),
    ...checkEdges(drawn),
    ...checkPorts(drawn),
    ...checkCycles(drawn),
    ...checkReach(drawn),
    ...checkLoops(drawn),
    ...checkPins(drawn),
  ];
}

function checkNodes({ nodes, byId }: DrawnGraph): GraphProblem[] {
  const problems: GraphProblem[] = [];
  for (const { index, node, definition } of nodes) {
    const { id, type } = node;
    const problem = (at: string, code: string, message: string) =>
      problems.push({ nodeId: id, path: `nodes.${index}.${at}`, code, message });
    // `__proto__` would be taken for something else by every program that keys a plain object by node id.
    if (id !== "" && (!NODE_ID.test(id) || id === "__proto__")) {
      problem(
        "id",
        "bad_node_id",
        `"${id}" cannot be a node id: use letters, digits and _, not starting with a digit`,
      );
    }
    const first = byId.get(id);
    if (first && first.index !== index) {
      problem(
        "id",
        "duplicate_node_id",
        `Node id "${id}" is taken by node ${first.index}; rename one of them`,
      );
    }
    if (type !== "" && !definition) {
      problem("type", "unknown_node_type", `There is no node type "${type}"; see GET /api/node-types`);
    }
    for (const slot of definition ? Object.keys(node.data?.credentials ?? {}) : []) {
      if (Object.hasOwn(definition?.credentials ?? {}, slot)) continue;
      const slots = Object.keys(definition?.credentials ?? {}).join(", ") || "none";
      const message = `${type} has no credential slot "${slot}" (it has: ${slots})`;
      problem(`data.credentials.${slot}`, "unknown_credential_slot", message);
    }
  }
  return problems;
}

function checkCycles({ compiled, byId }: DrawnGraph): GraphProblem[] {
  return findRings(compiled).map((ring) => {
    const first = ring[0] as string;
    const shown = ring.slice(0, MAX_RING_SHOWN).join(" → ");
    const more = ring.length > MAX_RING_SHOWN ? ` → … ${ring.length - MAX_RING_SHOWN} more` : "";
    return {
      nodeId: first,
      path: `nodes.${byId.get(first)?.index ?? 0}`,
      code: "cycle",
      message: `These nodes form a cycle: ${shown}${more} → ${first}; take one of its edges away`,
    };
  });
}
