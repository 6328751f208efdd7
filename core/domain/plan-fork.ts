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
/** `finished` null: all. */
export type RetryPlan = { finished: string[] | null; handled: string[] };

/**
 * Copied steps stay as they were, also when the input is another one or a node before them has changed: the person
 * says by `fromNode` where things begin anew. What people have approved is the exception: they said it once, of the data and
 * of the steps there were. Where these are others, or anything that follows runs again, they are asked again. Steps in a
 * loop's body are copied only while its items cannot have changed: they are known by their place. Throws `invalid_fork`
 * when nothing can start at `fromNode`.
 */
export function planFork(request: ForkRequest): CopyPlan {
  const source = compileGraph(request.source);
  const target = compileGraph(request.target);
  requireReachable(target, request);
  const unchanged = new Set(
    [...target.nodes.keys()].filter((id) => isSameNode(source.nodes.get(id), target.nodes.get(id))),
  );
  const again = runsAgain(target, request.fromNode);
  askAgain(target, again, (id) => {
    const isOfOtherData =
      request.inputChanged || [...ancestorsOf(target, id)].some((before) => !unchanged.has(before));
    const leadsElsewhere = (after: string) =>
      again.has(after) || !unchanged.has(after) || waysOn(source, after) !== waysOn(target, after);
    return isOfOtherData || [...reachableFrom(target, id)].some(leadsElsewhere);
  });
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

/**
 * What a retry takes over: what is finished. What people have approved counts for one retry of an execution only, or each
 * of them would do again what was approved once.
 */
export function planRetry(graph: Graph, isFirst: boolean): RetryPlan {
  const handled = handledNodes(graph);
  if (isFirst || !hasApprovals(graph)) return { finished: null, handled };
  const compiled = compileGraph(graph);
  const again = new Set<string>();
  askAgain(compiled, again, () => true);
  const finished = [...compiled.nodes.keys()].filter((id) => !again.has(id));
  return { finished, handled: handled.filter((id) => finished.includes(id)) };
}

export function hasApprovals(graph: Graph): boolean {
  return graph.nodes.some(({ type }) => type === APPROVAL_NODE);
}

/** Adds the approvals that are to be asked for again, and what they lead to, to what runs again. */
function askAgain(graph: CompiledGraph, again: Set<string>, isDue: (approval: string) => boolean): void {
  const approvals = [...graph.nodes.values()].filter(({ type }) => type === APPROVAL_NODE);
  // Each may be the reason for one before it.
  for (let before = -1; before < again.size; ) {
    before = again.size;
    for (const { id } of approvals) {
      if (!again.has(id) && isDue(id)) for (const after of runsAgain(graph, id)) again.add(after);
    }
  }
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

/** Where a node leads, by which port. */
function waysOn(graph: CompiledGraph, id: string): string {
  const edges = graph.outgoing.get(id) ?? [];
  return canonicalJson(edges.map(({ port, target }) => [port, target].join(" ")).toSorted());
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
