// A graph made ready to walk: edges by node, topological order, and which loop body a node lies in.
import type { Graph, GraphNode } from "./graph.ts";

export type CompiledEdge = { index: number; source: string; port: string | null; target: string };

export type CompiledGraph = {
  nodes: ReadonlyMap<string, GraphNode>;
  incoming: ReadonlyMap<string, readonly CompiledEdge[]>;
  outgoing: ReadonlyMap<string, readonly CompiledEdge[]>;
  /** Every node after all its sources. Shorter than `nodes` when the graph has a cycle. */
  order: readonly string[];
  /** The innermost flow.forEach whose body holds the node, or null at the top. */
  loopOf: ReadonlyMap<string, string | null>;
};

export const LOOP_TYPE = "flow.forEach";
export const LOOP_BODY_PORT = "item";

/** Never throws: what is wrong with the graph is validation's business; edges to nowhere are left out. */
export function compileGraph(graph: Graph): CompiledGraph {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const incoming = new Map<string, CompiledEdge[]>();
  const outgoing = new Map<string, CompiledEdge[]>();
  for (const id of nodes.keys()) {
    incoming.set(id, []);
    outgoing.set(id, []);
  }
  for (const [index, edge] of graph.edges.entries()) {
    if (!nodes.has(edge.source) || !nodes.has(edge.target)) continue;
    const compiled = { index, source: edge.source, port: edge.sourceHandle ?? null, target: edge.target };
    outgoing.get(edge.source)?.push(compiled);
    incoming.get(edge.target)?.push(compiled);
  }
  const order = topologicalOrder(nodes, incoming, outgoing);
  return { nodes, incoming, outgoing, order, loopOf: findLoops(nodes, incoming, order) };
}

function topologicalOrder(
  nodes: ReadonlyMap<string, GraphNode>,
  incoming: ReadonlyMap<string, readonly CompiledEdge[]>,
  outgoing: ReadonlyMap<string, readonly CompiledEdge[]>,
): string[] {
  const missing = new Map([...incoming].map(([id, edges]) => [id, edges.length]));
  const order = [...nodes.keys()].filter((id) => missing.get(id) === 0);
  for (let next = 0; next < order.length; next++) {
    for (const edge of outgoing.get(order[next] as string) ?? []) {
      const left = (missing.get(edge.target) ?? 0) - 1;
      missing.set(edge.target, left);
      if (left === 0) order.push(edge.target);
    }
  }
  return order;
}

/** The body of a loop is what its `item` port leads to; an edge from another port leaves it. */
function findLoops(
  nodes: ReadonlyMap<string, GraphNode>,
  incoming: ReadonlyMap<string, readonly CompiledEdge[]>,
  order: readonly string[],
): Map<string, string | null> {
  const loopOf = new Map<string, string | null>();
  const depth = new Map<string | null, number>([[null, 0]]);
  for (const id of order) {
    let loop: string | null = null;
    for (const edge of incoming.get(id) ?? []) {
      const candidate = scopeOfEdge({ nodes, loopOf }, edge);
      if ((depth.get(candidate) ?? 0) > (depth.get(loop) ?? 0)) loop = candidate;
    }
    loopOf.set(id, loop);
    if (nodes.get(id)?.type === LOOP_TYPE) depth.set(id, (depth.get(loop) ?? 0) + 1);
  }
  return loopOf;
}

/** The loop whose body the edge lies in: for a loop's `item` port that loop, else where its source lies. */
export function scopeOfEdge(
  graph: Pick<CompiledGraph, "nodes" | "loopOf">,
  edge: Pick<CompiledEdge, "source" | "port">,
): string | null {
  const entersBody = graph.nodes.get(edge.source)?.type === LOOP_TYPE && edge.port === LOOP_BODY_PORT;
  return entersBody ? edge.source : (graph.loopOf.get(edge.source) ?? null);
}

/** The loops around a node, innermost first. */
export function enclosingLoops(graph: Pick<CompiledGraph, "loopOf">, nodeId: string): string[] {
  const loops: string[] = [];
  let loop = graph.loopOf.get(nodeId) ?? null;
  while (loop !== null) {
    loops.push(loop);
    loop = graph.loopOf.get(loop) ?? null;
  }
  return loops;
}

/** The ids of everything that can be reached from `start`, itself included. */
export function reachableFrom(graph: CompiledGraph, start: string): Set<string> {
  const reached = new Set([start]);
  for (const id of reached) for (const edge of graph.outgoing.get(id) ?? []) reached.add(edge.target);
  return reached;
}

/** The ids of everything that leads to the node. */
export function ancestorsOf(graph: CompiledGraph, nodeId: string): Set<string> {
  const ancestors = new Set<string>();
  const open = [nodeId];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const edge of graph.incoming.get(next) ?? []) {
      if (ancestors.has(edge.source)) continue;
      ancestors.add(edge.source);
      open.push(edge.source);
    }
  }
  return ancestors;
}
