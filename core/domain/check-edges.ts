// Faults of single edges: ends that do not exist, doubles, self edges.
import type { DrawnEdge, DrawnGraph } from "./drawn-graph.ts";
import type { GraphProblem } from "./graph.ts";
import { meantPort, outputsOf } from "./node-ports.ts";

/** Codes `dangling_edge`, `self_edge`, `duplicate_edge`, `duplicate_edge_id`. */
export function checkEdges(drawn: DrawnGraph): GraphProblem[] {
  const problems: GraphProblem[] = [];
  const ids = new Map<string, number>();
  const lines = new Map<string, number>();
  for (const { index, edge } of drawn.edges) {
    const path = `edges.${index}`;
    problems.push(...danglingEnds(drawn, { index, edge }));
    if (edge.source === edge.target) {
      const message = `Node "${edge.source}" is connected to itself; remove the edge`;
      problems.push({ nodeId: edge.source, path, code: "self_edge", message });
    }
    const twinById = edge.id === undefined ? undefined : ids.get(edge.id);
    if (twinById !== undefined) {
      const message = `Edge id "${edge.id}" is taken by edge ${twinById}; rename one of them`;
      problems.push({ path: `${path}.id`, code: "duplicate_edge_id", message });
    } else if (edge.id !== undefined) ids.set(edge.id, index);

    const line = JSON.stringify([edge.source, portOf(drawn, { index, edge }), edge.target]);
    const twin = lines.get(line);
    if (twin !== undefined) {
      const message = `This edge connects the same port and node as edge ${twin}; remove one of them`;
      problems.push({ nodeId: edge.source, path, code: "duplicate_edge", message });
    } else lines.set(line, index);
  }
  return problems;
}

function danglingEnds({ byId }: DrawnGraph, { index, edge }: DrawnEdge): GraphProblem[] {
  return (["source", "target"] as const)
    .filter((end) => edge[end] !== "" && !byId.has(edge[end]))
    .map((end) => ({
      path: `edges.${index}.${end}`,
      code: "dangling_edge",
      message: `There is no node "${edge[end]}"; remove the edge or name an existing node as its ${end}`,
    }));
}

/** An edge with the handle of the only port and one without are the same edge. */
function portOf({ byId }: DrawnGraph, { edge }: DrawnEdge): string | null {
  const source = byId.get(edge.source);
  const outputs = source?.definition ? outputsOf(source.definition, source.node) : [];
  return meantPort(edge.sourceHandle, outputs) ?? null;
}
