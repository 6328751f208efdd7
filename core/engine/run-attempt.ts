// One attempt of one node: config resolved, checked, run under a timeout the node cannot ignore.
import { AppError } from "#core/domain/app-error.ts";
import { effectKey } from "#core/domain/idempotency-key.ts";
import type { NodeContext, NodeOutcome, Resumed, VisibleData } from "#core/domain/node.ts";
import { resolveConfig } from "#core/expression/resolve-config.ts";
import type { NodePlan } from "./compile-workflow.ts";
import { nodeCredentials } from "./credential-source.ts";
import { findOutput, type RunContext, type RunScope } from "./run-context.ts";
import { settleEffect } from "./settle-effect.ts";

export type Attempt = {
  number: number;
  idempotencyKey: string;
  config: unknown;
  /** null: the attempt begins. */
  resumed: Resumed | null;
};

/**
 * The node's config with its expressions evaluated; its runner checks the result against its schema. What needs an
 * isolated process has, queue included, the node's `timeoutMs`; rejects as `runAttempt` does.
 */
export function resolveNodeConfig(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
): unknown | Promise<unknown> {
  const seed = `${plan.node.id}/${scope.iteration}`;
  const { references } = plan.config;
  const named = references.dynamicNodes || references.wholeScope ? undefined : references.nodes;
  const visible = visibleData(context, scope, plan, named);
  if (plan.config.sync) return resolveConfig(plan.config, visible, context.evaluator, seed);
  const key = context.execution.workspaceId;
  return runBounded(context, plan, (signal) => {
    context.signal.throwIfAborted();
    return resolveConfig(plan.config, visible, context.evaluator, seed, { key, signal: signal() });
  });
}

/** `named`: ids checked at save, or undefined for all that the node can see. */
function visibleData(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  named?: readonly string[],
): VisibleData {
  const { execution } = context;
  const nodes: Record<string, unknown> = Object.create(null);
  for (const id of named ?? context.workflow.visibleTo(plan.node.id)) {
    const output = findOutput(scope, id);
    if (output !== undefined) nodes[id] = output;
  }
  return {
    input: execution.input,
    nodes,
    trigger: execution.trigger,
    ...(scope.index === undefined ? {} : { item: scope.item, index: scope.index }),
    execution: { id: execution.id, startedAt: execution.startedAt, workflowId: execution.workflowId },
  };
}

/**
 * Runs the node. Rejects with its error, `timeout` (retryable) or the reason the run was aborted. One whose effect must not
 * be repeated is first given time to come to an end that is known, which then counts; else it rejects with
 * `effect_in_doubt`.
 */
export function runAttempt(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  attempt: Attempt,
): Promise<NodeOutcome> {
  const run = (signal: () => AbortSignal) =>
    plan.run(attempt.config, nodeContext(context, scope, plan, attempt, signal));
  return runBounded(context, plan, run, plan.effect === "effectful" ? settleEffect : undefined);
}

async function runBounded<Result>(
  context: RunContext,
  plan: NodePlan,
  run: (signal: () => AbortSignal) => Result | Promise<Result>,
  /** What becomes of the work when it is broken off; by default nobody waits for it. */
  settle?: (work: Promise<Result>, reason: unknown) => Promise<Result>,
): Promise<Result> {
  const bound = createBound(context.signal);
  let timer: NodeJS.Timeout | undefined;
  let result: Result | Promise<Result> | undefined;
  try {
    result = run(bound.signal);
    if (!(result instanceof Promise)) return result;
    const signal = bound.signal();
    timer = setTimeout(() => {
      bound.abort(
        new AppError("timeout", `The node took longer than ${plan.timeoutMs} ms`, { retryable: true }),
      );
    }, plan.timeoutMs);
    return await Promise.race([result, rejectOnAbort(signal)]);
  } catch (error) {
    if (!bound.isAborted()) throw error;
    const { reason } = bound.signal();
    if (settle && result instanceof Promise) return await settle(result, reason);
    // A node that throws because it was aborted reports the reason of the abort, not its own words.
    throw reason;
  } finally {
    clearTimeout(timer);
    bound.release();
  }
}

/** The attempt's own signal, made when somebody asks for it: most nodes have answered before anybody could abort. */
function createBound(outer: AbortSignal) {
  let controller: AbortController | undefined;
  // Taken off again when the attempt ends. AbortSignal.any keeps each attempt alive while its listener hangs on
  // it: 2.7 KB for good per attempt, measured.
  const passOn = () => controller?.abort(outer.reason);
  const open = (): AbortController => {
    if (controller) return controller;
    controller = new AbortController();
    if (outer.aborted) passOn();
    else outer.addEventListener("abort", passOn, { once: true });
    return controller;
  };
  return {
    signal: () => open().signal,
    abort: (reason: Error) => open().abort(reason),
    isAborted: () => controller?.signal.aborted === true,
    release: () => outer.removeEventListener("abort", passOn),
  };
}

function nodeContext(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  attempt: Attempt,
  signal: () => AbortSignal,
): NodeContext {
  const { execution } = context;
  // Taken in the order in which the branches ended; handed over in the order drawn, the same on every run.
  const taken = (scope.progress.takenInto.get(plan.node.id) ?? []).toSorted((a, b) => a.index - b.index);
  return {
    executionId: execution.id,
    workspaceId: execution.workspaceId,
    nodeId: plan.node.id,
    iteration: scope.iteration,
    attempt: attempt.number,
    idempotencyKey: attempt.idempotencyKey,
    input: execution.input,
    trigger: execution.trigger,
    incoming: taken.map((edge) => ({ nodeId: edge.source, output: findOutput(scope, edge.source) })),
    visible: (ids) => {
      // Asked for at run time, so judged at run time.
      const allowed = ids && context.workflow.visibleTo(plan.node.id).filter((id) => ids.includes(id));
      return visibleData(context, scope, plan, allowed);
    },
    get signal() {
      return signal();
    },
    resumed: attempt.resumed,
    ports: context.ports,
    get credentials() {
      return nodeCredentials(context, scope, plan, attempt, signal());
    },
  };
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** The key of a fresh effect; one that may have gone out before keeps the key in its journal row. */
export function freshKey(context: RunContext, scope: RunScope, plan: NodePlan): string {
  return effectKey(context.execution.rootId, plan.node.id, scope.iteration);
}
