// Decides what may run next in one scope: a node is ready when all its incoming edges are taken or dead.
import type { CompiledEdge, CompiledGraph } from "#core/domain/compile-graph.ts";

/** The port of a failure; an edge without handle never carries it. */
export const ERROR_PORT = "error";

export type ScopeProgress = {
  graph: CompiledGraph;
  members: ReadonlySet<string>;
  /** Incoming edges not yet taken or dead, by node. */
  pending: Map<string, number>;
  /** Nodes with at least one taken incoming edge, and which. */
  takenInto: Map<string, CompiledEdge[]>;
};

/**
 * Starts a scope. `entry` says which incoming edges are taken from the start (the loop's `item` edges); other
 * edges from outside `members` take no part. Returns what is ready at once.
 */
export function startScope(
  graph: CompiledGraph,
  members: ReadonlySet<string>,
  entry: (edge: CompiledEdge) => boolean,
): { progress: ScopeProgress; ready: string[] } {
  const progress: ScopeProgress = { graph, members, pending: new Map(), takenInto: new Map() };
  const ready: string[] = [];
  for (const id of members) {
    let pending = 0;
    const taken: CompiledEdge[] = [];
    for (const edge of graph.incoming.get(id) ?? []) {
      if (members.has(edge.source)) pending++;
      else if (entry(edge)) taken.push(edge);
    }
    progress.pending.set(id, pending);
    progress.takenInto.set(id, taken);
    if (pending === 0) ready.push(id);
  }
  return { progress, ready };
}

/**
 * Settles a node that ended on `port` (null: it is dead or failed for good) and everything that dies with it.
 * Returns the nodes that became ready.
 */
export function settleNode(
  progress: ScopeProgress,
  nodeId: string,
  port: string | undefined | null,
): string[] {
  const ready: string[] = [];
  const settled: { id: string; port: string | undefined | null }[] = [{ id: nodeId, port }];
  for (let next = settled.pop(); next !== undefined; next = settled.pop()) {
    for (const edge of progress.graph.outgoing.get(next.id) ?? []) {
      if (!progress.members.has(edge.target)) continue;
      const taken = progress.takenInto.get(edge.target) ?? [];
      if (isTaken(edge, next.port)) taken.push(edge);
      const pending = (progress.pending.get(edge.target) ?? 0) - 1;
      progress.pending.set(edge.target, pending);
      if (pending > 0) continue;
      if (taken.length > 0) ready.push(edge.target);
      else settled.push({ id: edge.target, port: null });
    }
  }
  return ready;
}

/** Whether a node that ended on `port` leads anywhere in its scope. */
export function leadsOn(progress: ScopeProgress, nodeId: string, port: string | undefined | null): boolean {
  return (progress.graph.outgoing.get(nodeId) ?? []).some(
    (edge) => progress.members.has(edge.target) && isTaken(edge, port),
  );
}

/** `port` undefined: the node has one port only, and any edge that is not the error port's is its. */
function isTaken(edge: CompiledEdge, port: string | undefined | null): boolean {
  if (port === null) return false;
  if (port === undefined) return edge.port !== ERROR_PORT;
  return edge.port === null ? port !== ERROR_PORT : edge.port === port;
}
