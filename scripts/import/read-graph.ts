// Takes nodes and edges out of an old file and names those it cannot make sense of.
import type { JsonPath } from "./scan-json.ts";

export type OldNode = { id: string; [key: string]: unknown };
export type OldEdge = { source: string; target: string; [key: string]: unknown };
export type OldGraph = { nodes: OldNode[]; edges: OldEdge[]; settings?: unknown };

/** A part of a file that could not be used, by its path in the JSON. */
export type PartFault = { path: JsonPath; reason: string };

/** Null when there are no nodes to speak of: the file is no workflow. */
export function readGraph(
  file: Readonly<Record<string, unknown>>,
): { graph: OldGraph; faults: PartFault[] } | null {
  const inner = file.graph;
  const isNested = typeof inner === "object" && inner !== null && !Array.isArray(inner);
  const holder = isNested ? (inner as Readonly<Record<string, unknown>>) : file;
  const prefix = isNested ? ["graph"] : [];
  if (!Array.isArray(holder.nodes)) return null;
  const faults: PartFault[] = [];
  const nodes = holder.nodes.flatMap((node, index) => {
    const id = textOf(node?.id);
    if (id !== null && isObject(node)) return [{ ...node, id }];
    faults.push({ path: [...prefix, "nodes", index], reason: "a node without an id" });
    return [];
  });
  const hasEdges = Array.isArray(holder.edges);
  if (!hasEdges && holder.edges !== undefined)
    faults.push({ path: [...prefix, "edges"], reason: "edges are no list" });
  const edges = (hasEdges ? (holder.edges as unknown[]) : []).flatMap((edge, index) => {
    const [source, target] = isObject(edge) ? [textOf(edge.source), textOf(edge.target)] : [null, null];
    if (isObject(edge) && source !== null && target !== null) return [{ ...edge, source, target }];
    faults.push({ path: [...prefix, "edges", index], reason: "an edge without source or target" });
    return [];
  });
  const settings = holder.settings ?? file.settings;
  return { graph: { nodes, edges, ...(settings === undefined ? {} : { settings }) }, faults };
}

/** Ids were numbers here and there. */
export function textOf(value: unknown): string | null {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return typeof value === "string" && value !== "" ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
