// What a resume must read of a big journal: the outputs that somebody who has not ended may still see.
import { type CompiledEdge, enclosingLoops, LOOP_BODY_PORT, LOOP_TYPE } from "#core/domain/compile-graph.ts";
import type { ClaimedExecution, StepRecord } from "#core/domain/journal.ts";
import type { CompiledWorkflow, NodePlan } from "./compile-workflow.ts";
import { leadsOn, settleNode, startScope } from "./next-nodes.ts";
import { settledPort } from "./node-state.ts";
import { findStart, topMembers } from "./run-execution.ts";

type Scope = {
  iteration: string;
  members: ReadonlySet<string>;
  entry: (edge: CompiledEdge) => boolean;
};

/** Steps by node and iteration, oldest first, and the iterations there are by loop and outer iteration. */
type Index = { steps: Map<string, StepRecord[]>; iterations: Map<string, Set<string>> };

/** The nodes outside of all loops that are loops themselves: once one has succeeded, nothing in its body is looked at. */
export function outerLoops({ graph }: CompiledWorkflow): string[] {
  return graph.order.filter((id) => graph.nodes.get(id)?.type === LOOP_TYPE && graph.loopOf.get(id) === null);
}

/** The nodes in the bodies of these loops, and of the loops inside them. */
export function bodiesOf({ graph }: CompiledWorkflow, loops: readonly string[]): string[] {
  return graph.order.filter((id) => enclosingLoops(graph, id).some((loop) => loops.includes(loop)));
}

/**
 * Of an execution's steps (all attempts, those of a node in their order) the ones whose outputs are needed to go on: by
 * what has not ended and may still run, and as results of iterations whose loop has not ended, or of the execution.
 * Throws `no_trigger`.
 */
export function outputsToRead(
  workflow: CompiledWorkflow,
  execution: ClaimedExecution,
  steps: readonly StepRecord[],
): Set<StepRecord> {
  const { graph, plans } = workflow;
  const index = indexOf(workflow, steps);
  const readsOf = createReads(workflow);
  const needed = new Set<StepRecord>();

  const visit = ({ iteration, members, entry }: Scope): void => {
    const { progress, ready } = startScope(graph, members, entry);
    const ended = new Map<string, StepRecord>();
    const open = new Set<string>();
    for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
      const past = index.steps.get(keyOf(id, iteration)) ?? [];
      const last = past.at(-1);
      const settled = settledPort(plans.get(id) as NodePlan, past);
      if (!settled || !last) {
        open.add(id);
        continue;
      }
      ended.set(id, last);
      if (!leadsOn(progress, id, settled.port)) needed.add(last);
      ready.push(...settleNode(progress, id, settled.port));
    }
    for (const id of members) {
      const isAhead = (progress.pending.get(id) ?? 0) > 0;
      if (!open.has(id) && !isAhead) continue;
      // A fork may have copied what lies behind nodes that run again.
      const copied = isAhead ? index.steps.get(keyOf(id, iteration))?.at(-1) : undefined;
      const seen = [...readsOf(id)].map((read) => ended.get(read));
      for (const step of [copied, ...seen]) if (step) needed.add(step);
      visitLoop(id, iteration);
    }
  };
  const visitLoop = (loop: string, outer: string): void => {
    const begun = index.iterations.get(keyOf(loop, outer));
    if (!begun) return;
    const members = new Set(graph.order.filter((id) => graph.loopOf.get(id) === loop));
    const entry = (edge: CompiledEdge) => edge.source === loop && edge.port === LOOP_BODY_PORT;
    for (const iteration of begun) visit({ iteration, members, entry });
  };

  const members = topMembers(graph, findStart(workflow, execution));
  visit({ iteration: "", members, entry: () => false });
  return needed;
}

function indexOf({ graph }: CompiledWorkflow, steps: readonly StepRecord[]): Index {
  const index: Index = { steps: new Map(), iterations: new Map() };
  const loops = new Map([...graph.nodes.keys()].map((id) => [id, enclosingLoops(graph, id)]));
  for (const step of steps) {
    const key = keyOf(step.nodeId, step.iteration);
    const past = index.steps.get(key);
    if (past) past.push(step);
    else index.steps.set(key, [step]);
    let { iteration } = step;
    for (const loop of loops.get(step.nodeId) ?? []) {
      const outer = iteration.slice(0, Math.max(iteration.lastIndexOf("/"), 0));
      const known = index.iterations.get(keyOf(loop, outer));
      if (known) known.add(iteration);
      else index.iterations.set(keyOf(loop, outer), new Set([iteration]));
      iteration = outer;
    }
  }
  return index;
}

/** Whose outputs a node may see; for a loop also what its body may. */
function createReads(workflow: CompiledWorkflow): (nodeId: string) => ReadonlySet<string> {
  const known = new Map<string, ReadonlySet<string>>();
  const ownReads = (id: string): string[] => {
    const { config, definition } = workflow.plans.get(id) as NodePlan;
    const { references } = config;
    // What stands in a literal field (a script) is read by the node itself, which asks for what it likes.
    const asksForAny = references.dynamicNodes || references.wholeScope || definition.literal !== undefined;
    const named = asksForAny ? workflow.visibleTo(id) : references.nodes;
    return [...named, ...(workflow.graph.incoming.get(id) ?? []).map((edge) => edge.source)];
  };
  return (id) => {
    const before = known.get(id);
    if (before) return before;
    const isLoop = workflow.graph.nodes.get(id)?.type === LOOP_TYPE;
    const readers = isLoop ? [id, ...bodiesOf(workflow, [id])] : [id];
    const reads = new Set(readers.flatMap(ownReads));
    known.set(id, reads);
    return reads;
  };
}

function keyOf(nodeId: string, iteration: string): string {
  return `${nodeId}\n${iteration}`;
}
