// Walks one scope: every branch at once, each node as soon as its edges are settled.
import { AppError } from "#core/domain/app-error.ts";
import { type CompiledEdge, LOOP_BODY_PORT } from "#core/domain/compile-graph.ts";
import { MAX_OUTPUT_BYTES } from "#core/domain/execution.ts";
import { BRANCH_FAILED, type EachOutcome, PARKED, SUSPENDED } from "./attempt-node.ts";
import { sizeOf, tooLarge } from "./check-output.ts";
import type { NodePlan } from "./compile-workflow.ts";
import { leadsOn, settleNode, startScope } from "./next-nodes.ts";
import { knownOutput, type RunContext, type RunScope } from "./run-context.ts";
import { runNode } from "./run-node.ts";

type ScopeStart = {
  iteration: string;
  parent: RunScope | null;
  members: ReadonlySet<string>;
  entry: (edge: CompiledEdge) => boolean;
  item?: unknown;
  index?: number;
};

/**
 * Resolves to the scope's output: that of its last node, or an object by node id when several branches ended.
 * Rejects with `parked` when an effect is in doubt, `suspended` when a node waits and nothing of the run moves any
 * more, or with the reason the run was aborted; not before every branch has stopped.
 */
export async function runScope(context: RunContext, start: ScopeStart): Promise<unknown> {
  const { progress, ready } = startScope(context.workflow.graph, start.members, start.entry);
  const scope: RunScope = {
    iteration: start.iteration,
    parent: start.parent,
    progress,
    outputs: new Map(),
    ...(start.index === undefined ? {} : { item: start.item, index: start.index }),
  };
  const last = new Set<string>();
  let stopped: typeof PARKED | typeof SUSPENDED | undefined;

  const walk = async (nodeId: string): Promise<void> => {
    const plan = context.workflow.plans.get(nodeId) as NodePlan;
    const end = await runNode(context, scope, plan, (loop, outer, each) =>
      runLoop(context, loop, outer, each),
    );
    if (end.kind === "failed") {
      context.abort(new AppError(BRANCH_FAILED, end.error.message, { details: { error: end.error } }));
    } else if (end.kind === "parked") {
      stopped = PARKED;
    } else if (end.kind === "suspended") {
      stopped ??= SUSPENDED;
    } else {
      scope.outputs.set(nodeId, end.output);
      if (!leadsOn(progress, nodeId, end.port)) last.add(nodeId);
      await walkAll(settleNode(progress, nodeId, end.port));
    }
  };
  const walkAll = async (ids: string[]): Promise<void> => {
    await Promise.all(ids.map((id) => walk(id).catch((error: Error) => context.abort(error))));
  };

  await walkAll(ready);
  context.signal.throwIfAborted();
  if (stopped) throw new AppError(stopped, "Nothing of this scope moves any more");
  return outputOf(scope, last);
}

function outputOf(scope: RunScope, last: ReadonlySet<string>): unknown {
  const [only] = last;
  if (last.size === 1 && only !== undefined) return knownOutput(scope, only);
  const ended = scope.progress.graph.order.filter((id) => last.has(id));
  return ended.length === 0 ? null : Object.fromEntries(ended.map((id) => [id, knownOutput(scope, id)]));
}

/** Runs a loop's body once per item, so many at a time; resolves to the results in the order of the items. */
async function runLoop(
  context: RunContext,
  plan: NodePlan,
  outer: RunScope,
  each: EachOutcome,
): Promise<unknown[]> {
  const { graph } = context.workflow;
  const loop = plan.node.id;
  const members = new Set(graph.order.filter((id) => graph.loopOf.get(id) === loop));
  if (members.size === 0) return [...each.items];

  const results: unknown[] = new Array(each.items.length);
  let bytes = 0;
  let next = 0;
  // The first reason to take no further item: an effect in doubt, results that would not fit anyway, or a standstill.
  // An iteration that waits keeps its lane: so many are worked on at once, and those that wait are.
  let stopped: AppError | undefined;
  const takeItems = async () => {
    while (next < each.items.length && !context.signal.aborted && !stopped) {
      const index = next++;
      results[index] = await runScope(context, {
        iteration: outer.iteration === "" ? `${index}` : `${outer.iteration}/${index}`,
        parent: outer,
        members,
        entry: (edge) => edge.source === loop && edge.port === LOOP_BODY_PORT,
        item: each.items[index],
        index,
      });
      bytes += sizeOf(results[index]);
      if (bytes > MAX_OUTPUT_BYTES) throw tooLarge(bytes);
    }
  };
  const lanes = Array.from({ length: Math.min(each.concurrency, each.items.length) }, () =>
    takeItems().catch((error: AppError) => {
      stopped ??= error;
    }),
  );
  await Promise.all(lanes);
  context.signal.throwIfAborted();
  if (stopped) throw stopped;
  return results;
}
