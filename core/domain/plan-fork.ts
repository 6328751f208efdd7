// What a fork takes over from the execution it comes from: everything finished that its starting node does not lead to.
import { AppError } from "./app-error.ts";
import { APPROVAL_NODE } from "./approval.ts";
import { canonicalJson } from "./canonical-json.ts";
import {
  ancestorsOf,
  type CompiledGraph,
  compileGraph,
  enclosingLoops,
  LOOP_BODY_PORT,
  reachableFrom,
} from "./compile-graph.ts";
import type { Graph, GraphNode } from "./graph.ts";

export type ForkRequest = {
  /** Of the version that ran, and of the one that will. */
  source: Graph;
  target: Graph;
  fromNode: string;
  /** The trigger node named at the start; null: the default. */
  trigger: string | null;
  inputChanged: boolean;
};

/** Node ids by what of their steps is copied; see copySteps. */
export type CopyPlan = { finished: string[]; handled: string[]; inDoubt: string[] };

/**
 * Copied steps stay as they were, also when the input is another one or a node before them has changed: the person
 * says by `fromNode` where things begin anew. What people have approved is the exception: that was of other data then, so
 * they are asked again, and what follows runs again. Steps in a loop's body are copied only while its items cannot have
 * changed: they are known by their place. Throws `invalid_fork` when nothing can start at `fromNode`.
 */
export function planFork(request: ForkRequest): CopyPlan {
  const source = compileGraph(request.source);
  const target = compileGraph(request.target);
  requireReachable(target, request);
  const unchanged = new Set(
    [...target.nodes.keys()].filter((id) => isSameNode(source.nodes.get(id), target.nodes.get(id))),
  );
  const askedAgain = [...target.nodes.values()].filter(
    ({ id, type }) =>
      type === APPROVAL_NODE &&
      (request.inputChanged || [...ancestorsOf(target, id)].some((before) => !unchanged.has(before))),
  );
  const again = new Set(
    [request.fromNode, ...askedAgain.map(({ id }) => id)].flatMap((id) => [...runsAgain(target, id)]),
  );
  const keepsItems = (loop: string) =>
    !request.inputChanged &&
    unchanged.has(loop) &&
    [...ancestorsOf(target, loop)].every(
      (id) => enclosingLoops(target, loop).includes(id) || (unchanged.has(id) && !again.has(id)),
    );
  const known = new Map<string, boolean>();
  const keepsPlace = (id: string): boolean => {
    const loop = target.loopOf.get(id) ?? null;
    if (loop !== (source.loopOf.get(id) ?? null)) return false;
    if (loop === null) return true;
    if (!known.has(loop)) known.set(loop, keepsItems(loop) && keepsPlace(loop));
    return known.get(loop) ?? false;
  };
  const placed = [...target.nodes.keys()].filter((id) => source.nodes.has(id) && keepsPlace(id));
  const finished = placed.filter((id) => unchanged.has(id) && !again.has(id));
  return {
    finished,
    handled: handledNodes(request.target).filter((id) => finished.includes(id)),
    inDoubt: placed.filter((id) => source.nodes.get(id)?.type === target.nodes.get(id)?.type),
  };
}

/** The nodes whose failure does not end the run: a failed one is finished, too. */
export function handledNodes(graph: Graph): string[] {
  return graph.nodes.filter(({ data }) => (data?.onError ?? "fail") !== "fail").map(({ id }) => id);
}

/** The node, what it leads to, and the loops around it, which have to go through their items again. */
function runsAgain(graph: CompiledGraph, fromNode: string): Set<string> {
  const again = reachableFrom(graph, fromNode);
  for (const loop of enclosingLoops(graph, fromNode)) {
    again.add(loop);
    for (const edge of graph.outgoing.get(loop) ?? []) {
      if (edge.port === LOOP_BODY_PORT) continue;
      for (const id of reachableFrom(graph, edge.target)) again.add(id);
    }
  }
  return again;
}

/** By all that decides an output; how it looks and how often it is tried is something else. */
function isSameNode(one: GraphNode | undefined, other: GraphNode | undefined): boolean {
  if (!one || !other) return false;
  const text = ({ type, data }: GraphNode) =>
    canonicalJson({
      type,
      config: data?.config ?? {},
      credentials: data?.credentials ?? {},
      onError: data?.onError ?? "fail",
      pinned: data?.pinned === undefined ? [] : [data.pinned],
    });
  return text(one) === text(other);
}

function requireReachable(graph: CompiledGraph, { fromNode, trigger }: ForkRequest): void {
  const triggers = [...graph.nodes.values()].filter(({ type }) => type.startsWith("trigger."));
  const start =
    trigger === null
      ? (triggers.find(({ type }) => type === "trigger.manual") ?? triggers[0])
      : triggers.find(({ id }) => id === trigger);
  const fault = !start
    ? { path: "version", message: `This version has no trigger node ${trigger ?? ""}`.trim() }
    : !graph.nodes.has(fromNode)
      ? { path: "fromNode", message: `This version has no node ${fromNode}` }
      : !reachableFrom(graph, start.id).has(fromNode)
        ? { path: "fromNode", message: `Nothing leads from the trigger ${start.id} to ${fromNode}` }
        : null;
  if (fault) throw new AppError("invalid_fork", fault.message, { problems: [fault] });
}
