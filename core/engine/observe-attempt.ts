// Times one attempt of a node for whoever watches the run.
import type { AttemptEnd as ObservedAttempt } from "#core/domain/run-observer.ts";
import type { AttemptEnd } from "./attempt-node.ts";
import type { NodePlan } from "./compile-workflow.ts";
import type { RunContext, RunScope } from "./run-context.ts";

/** Resolves and rejects as `attempt` does. */
export async function observeAttempt(
  { observer }: RunContext,
  scope: RunScope,
  plan: NodePlan,
  number: number,
  attempt: () => Promise<AttemptEnd>,
): Promise<AttemptEnd> {
  if (!observer) return attempt();
  const startedAt = performance.now();
  const tell = (outcome: ObservedAttempt["outcome"], code?: string) =>
    observer.attempted({
      nodeId: plan.node.id,
      nodeType: plan.node.type,
      iteration: scope.iteration,
      attempt: number,
      outcome,
      ...(code === undefined ? {} : { code }),
      startedAt,
      endedAt: performance.now(),
    });
  try {
    const end = await attempt();
    if (end.kind === "ended") tell("succeeded");
    else if (end.kind === "failed") tell("failed", end.error.code);
    // One that waits has not ended: it is told of when it has.
    else if (end.kind === "parked") tell("parked");
    return end;
  } catch (error) {
    tell("stopped");
    throw error;
  }
}
