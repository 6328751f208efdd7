// Names the rings of a graph, so that a person can see which edge to take away.
import type { CompiledGraph } from "./compile-graph.ts";

// A dense graph has more rings than anybody reads; removing these brings the others to light.
const MAX_RINGS = 20;

/**
 * One ring per edge that closes one: `["a", "b"]` stands for a → b → a. No ring twice, at most 20. Taking the closing
 * edge (last → first) of every ring away leaves no cycle. Self edges are not rings. Linear in nodes and edges, and
 * iterative: a chain of 10,000 nodes is deeper than the call stack allows.
 */
export function findRings(graph: CompiledGraph): string[][] {
  const rings: string[][] = [];
  const sorted = new Set(graph.order);
  const done = new Set<string>();
  for (const start of graph.nodes.keys()) {
    // What has a place in the topological order lies on no ring and leads into none that starts there.
    if (sorted.has(start) || done.has(start)) continue;
    walk(graph, { start, done, rings });
    if (rings.length >= MAX_RINGS) break;
  }
  return rings.slice(0, MAX_RINGS);
}

type Walk = { start: string; done: Set<string>; rings: string[][] };

/** Depth first with a stack of its own; an edge back into the current path closes a ring. */
function walk(graph: CompiledGraph, { start, done, rings }: Walk): void {
  const path = [start];
  const placeOf = new Map([[start, 0]]);
  const open = [successors(graph, start)];
  while (path.length > 0 && rings.length < MAX_RINGS) {
    const next = open.at(-1)?.pop();
    if (next === undefined) {
      const left = path.pop() as string;
      open.pop();
      placeOf.delete(left);
      done.add(left);
      continue;
    }
    const place = placeOf.get(next);
    if (place !== undefined) rings.push(path.slice(place));
    else if (!done.has(next)) {
      placeOf.set(next, path.length);
      path.push(next);
      open.push(successors(graph, next));
    }
  }
}

/** Without repeats (two ports may lead to one node) and without the node itself, last edge first. */
function successors(graph: CompiledGraph, id: string): string[] {
  const targets = new Set((graph.outgoing.get(id) ?? []).map((edge) => edge.target));
  targets.delete(id);
  return [...targets].reverse();
}
