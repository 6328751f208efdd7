// A version of a workflow made ready to run: graph walked once, configs compiled, runners looked up.
import { type Ancestry, createAncestry } from "#core/domain/ancestry.ts";
import { AppError } from "#core/domain/app-error.ts";
import { type CompiledGraph, compileGraph, enclosingLoops } from "#core/domain/compile-graph.ts";
import { type Graph, type GraphNode, graphSchema, type RetryPolicy } from "#core/domain/graph.ts";
import type { EffectClass, NodeDefinition, NodeRunner } from "#core/domain/node.ts";
import { NO_RETRY } from "#core/domain/retry-policy.ts";
import { type CompiledConfig, compileConfig } from "#core/expression/resolve-config.ts";

/** Five minutes: long enough for slow services, short enough that a hung one is noticed. */
const DEFAULT_TIMEOUT_MS = 300_000;

export type NodePlan = {
  node: GraphNode;
  definition: NodeDefinition;
  run: NodeRunner;
  config: CompiledConfig;
  effect: EffectClass;
  retry: RetryPolicy;
  timeoutMs: number;
  onError: "fail" | "continue" | "error";
};

export type CompiledWorkflow = {
  graph: CompiledGraph;
  plans: ReadonlyMap<string, NodePlan>;
  settings: NonNullable<Graph["settings"]>;
  /** The nodes whose outputs a node may read, in the order drawn. Worked out when first asked. */
  visibleTo(nodeId: string): readonly string[];
};

export type NodeCatalogue = {
  definitions: ReadonlyMap<string, NodeDefinition>;
  runners: ReadonlyMap<string, NodeRunner>;
};

/** Throws `invalid_version` when a stored graph cannot be run by this build. */
export function compileWorkflow(stored: unknown, catalogue: NodeCatalogue): CompiledWorkflow {
  const parsed = graphSchema.safeParse(stored);
  if (!parsed.success) {
    throw new AppError(
      "invalid_version",
      `The stored graph is not valid: ${parsed.error.issues[0]?.message}`,
    );
  }
  const graph = compileGraph(parsed.data);
  if (graph.order.length < graph.nodes.size) {
    throw new AppError("invalid_version", "The stored graph has a cycle");
  }
  const plans = new Map(parsed.data.nodes.map((node) => [node.id, planNode(node, catalogue)]));
  return { graph, plans, settings: parsed.data.settings ?? {}, visibleTo: createVisibility(graph) };
}

/**
 * The rule by which a saved reference is checked, for references that are known at run time only: ancestors, which
 * have ended when the node starts, except in bodies of other loops. Who else has ended is a matter of timing.
 */
function createVisibility(graph: CompiledGraph): (nodeId: string) => readonly string[] {
  let ancestry: Ancestry | undefined;
  const known = new Map<string, readonly string[]>();
  return (nodeId) => {
    const before = known.get(nodeId);
    if (before) return before;
    ancestry ??= createAncestry(graph);
    const { isAncestor } = ancestry;
    const loops = enclosingLoops(graph, nodeId);
    const visible = [...graph.nodes.keys()].filter(
      (id) =>
        isAncestor(id, nodeId) === true &&
        !loops.includes(id) &&
        enclosingLoops(graph, id).every((loop) => loops.includes(loop)),
    );
    known.set(nodeId, visible);
    return visible;
  };
}

function planNode(node: GraphNode, catalogue: NodeCatalogue): NodePlan {
  const definition = catalogue.definitions.get(node.type);
  const run = catalogue.runners.get(node.type);
  if (!definition || !run) {
    throw new AppError(
      "invalid_version",
      `Node ${node.id} has the type ${node.type}, which this worker lacks`,
    );
  }
  const config = node.data?.config ?? {};
  return {
    node,
    definition,
    run,
    config: compileConfig(config, definition.literal),
    effect: typeof definition.effect === "function" ? definition.effect(config) : definition.effect,
    retry: node.data?.retry ?? NO_RETRY,
    timeoutMs: node.data?.timeoutMs ?? definition.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    onError: node.data?.onError ?? "fail",
  };
}
