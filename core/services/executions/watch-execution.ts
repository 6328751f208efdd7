// An execution followed live: what happened since, then each change as it comes, until it ends.
import type { ExecutionError, ExecutionStatus } from "../../domain/execution.ts";
import { isTerminal } from "../../domain/execution.ts";
import type { Actor } from "../../domain/roles.ts";
import { type ExecutionStep, markWatched } from "../../persistence/executions/executions.ts";
import { principalsOf } from "../principals-of.ts";
import type { ExecutionDependencies, ExecutionService } from "./executions.ts";

/** `seq` grows within an execution; a client that reconnects asks for what came after the last it saw. */
export type ExecutionEvent =
  | { type: "step"; seq: number; step: ExecutionStep }
  | { type: "status"; seq: number; status: ExecutionStatus; error: ExecutionError | null };

// Small: a page is held in memory for every listener, and sent before the next is read.
const PAGE = 20;
/** Looked for again without a signal, should one be lost. */
const LOOK_MS = 1_000;

/** `actor` is asked before every look: when the right to look is gone, `not_found` or `forbidden` is thrown. */
export async function* watchExecution(
  dependencies: Pick<ExecutionDependencies, "database" | "signals"> & { executions: ExecutionService },
  actor: () => Actor,
  id: string,
  options: { afterSeq: number; signal: AbortSignal },
): AsyncGenerator<ExecutionEvent> {
  const { database, signals, executions } = dependencies;
  let seq = options.afterSeq;
  let status: ExecutionStatus | undefined;
  // First for the 404, before anything is marked.
  await executions.state(actor(), id);
  await database.transaction(principalsOf(actor()), (tx) => markWatched(tx, id));

  while (!options.signal.aborted) {
    const change = signals.wait(id, { timeoutMs: LOOK_MS, signal: options.signal });
    // The status is read before the steps: when it is terminal, all steps are there.
    const now = await executions.state(actor(), id);
    for (;;) {
      const page = await executions.steps(actor(), id, { afterSeq: seq, limit: PAGE, how: "events" });
      for (const step of page.items) {
        seq = Math.max(seq, step.seq);
        yield { type: "step", seq, step };
      }
      if (!page.more || options.signal.aborted) break;
    }
    if (now.status !== status) {
      status = now.status;
      yield { type: "status", seq, status, error: now.error };
    }
    if (isTerminal(now.status)) return;
    await change;
  }
}
