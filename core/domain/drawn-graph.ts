// Reads as much of a faulty graph as makes sense, so that one bad field does not hide every other fault.
import { type CompiledGraph, compileGraph } from "./compile-graph.ts";
import type { Graph, GraphEdge, GraphNode } from "./graph.ts";
import type { NodeDefinition } from "./node.ts";

export type DrawnNode = { index: number; node: GraphNode; definition: NodeDefinition | undefined };
export type DrawnEdge = { index: number; edge: GraphEdge };

/** `index` is the place in the graph as it was sent. A node stands in `byId` once, the first of its name. */
export type DrawnGraph = {
  nodes: readonly DrawnNode[];
  edges: readonly DrawnEdge[];
  byId: ReadonlyMap<string, DrawnNode>;
  /** Without self edges: they are a fault of their own and must not show up as cycles too. */
  compiled: CompiledGraph;
  /** The place in the graph as sent, by the `index` of a compiled edge. */
  placeOfEdge: readonly number[];
};

export type FindDefinition = (type: string) => NodeDefinition | undefined;

/** Never throws. Leaves out nodes without a textual id and edges without textual ends. */
export function readDrawnGraph(value: unknown, findDefinition: FindDefinition): DrawnGraph {
  const nodes = listOf(value, "nodes").flatMap((raw, index) => {
    const node = readNode(raw);
    return node ? [{ index, node, definition: findDefinition(node.type) }] : [];
  });
  const edges = listOf(value, "edges").flatMap((raw, index) => {
    const edge = readEdge(raw);
    return edge ? [{ index, edge }] : [];
  });
  const byId = new Map<string, DrawnNode>();
  for (const drawn of nodes) if (!byId.has(drawn.node.id)) byId.set(drawn.node.id, drawn);
  const lines = edges.filter(({ edge }) => edge.source !== edge.target);
  const graph: Graph = {
    nodes: [...byId.values()].map((drawn) => drawn.node),
    edges: lines.map((drawn) => drawn.edge),
  };
  const placeOfEdge = lines.map((drawn) => drawn.index);
  return { nodes, edges, byId, compiled: compileGraph(graph), placeOfEdge };
}

/** The config as drawn; `{}` when there is none. */
export function configOf(node: GraphNode): Readonly<Record<string, unknown>> {
  return node.data?.config ?? {};
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown, key: "nodes" | "edges"): unknown[] {
  const list = isRecord(value) ? value[key] : undefined;
  return Array.isArray(list) ? list : [];
}

function readNode(raw: unknown): GraphNode | undefined {
  if (!isRecord(raw) || typeof raw.id !== "string") return undefined;
  const data = isRecord(raw.data) ? raw.data : {};
  return {
    id: raw.id,
    type: typeof raw.type === "string" ? raw.type : "",
    data: {
      ...(isRecord(data.config) && { config: data.config }),
      ...(isRecord(data.credentials) && { credentials: textMembers(data.credentials) }),
      ...((data.onError === "error" || data.onError === "continue") && { onError: data.onError }),
      ...(data.pinned !== undefined && { pinned: data.pinned }),
    },
  };
}

function textMembers(record: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([slot, id]) => [slot, String(id)]));
}

function readEdge(raw: unknown): GraphEdge | undefined {
  if (!isRecord(raw) || typeof raw.source !== "string" || typeof raw.target !== "string") return undefined;
  return {
    source: raw.source,
    target: raw.target,
    ...(typeof raw.id === "string" && { id: raw.id }),
    ...(typeof raw.sourceHandle === "string" && { sourceHandle: raw.sourceHandle }),
  };
}
