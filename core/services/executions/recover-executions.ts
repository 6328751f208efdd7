// Recovery: takes executions back from dead workers, and rings again what the queue has forgotten.
import { crashPoint } from "../../domain/crash-points.ts";
import { LEASE_MS, MAX_CRASHES, QUIET_MS } from "../../domain/execution.ts";
import type { Executor } from "../../persistence/database.ts";
import { callHeld } from "../../persistence/executions/call-held.ts";
import { type ReapedExecution, reapExecutions } from "../../persistence/executions/leases.ts";
import { passOnWakes } from "../../persistence/executions/pending-moves.ts";
import { type DueExecution, findUnheard, markRung } from "../../persistence/executions/rings.ts";
import { wakeDue } from "../../persistence/executions/wake-executions.ts";
import { toRing } from "../../queue/bells.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import { passOnCancels } from "./pass-on-cancels.ts";

const PAGE = 1_000;

/** `woken`: waited, and their time has come; `failed`: why cancels did not reach what hangs under an execution. */
export type Recovered = { reaped: ReapedExecution[]; woken: number; rung: number; failed: unknown[] };

/** One pass. Idempotent, and harmless beside live workers: claims are guarded, a ring too many does nothing. */
export async function recoverExecutions(database: Executor, queue: ExecutionQueue): Promise<Recovered> {
  const reaped = await reapExecutions(database, { maxCrashes: MAX_CRASHES, limit: PAGE, silentMs: LEASE_MS });
  if (reaped.length > 0) crashPoint("scheduler.after_reap");
  await ringAll(
    queue,
    reaped.filter((execution) => execution.status === "queued"),
  );
  // A place that nobody gave away: its worker died, or the limit was raised.
  const called = await callHeld(database, PAGE);
  if (called.length > 0) crashPoint("scheduler.after_call");
  await ringAll(queue, called);
  await passOnWakes(database, PAGE);
  const woken = await wakeDue(database, PAGE);
  if (woken.length > 0) crashPoint("scheduler.after_due");
  await ringAll(queue, woken);
  const rung = await ringUnheard(database, queue);
  return { reaped, woken: woken.length, rung, failed: await passOnCancels(database) };
}

async function ringUnheard(database: Executor, queue: ExecutionQueue): Promise<number> {
  const unheard = await findUnheard(database, { quietMs: QUIET_MS, limit: PAGE });
  if (unheard.length === 0) return 0;
  const states = await queue.find(
    unheard.map(({ id: executionId, wake, bell, band }) => ({ executionId, wake, bell, band })),
  );
  const waiting = unheard.filter((_, index) => states[index] === "waiting");
  // An active job whose row is still queued belongs to a worker that died before it claimed.
  const forgotten = unheard.filter((_, index) => states[index] !== "waiting");
  await markRung(database, waiting, { newWake: false });
  const woken = await markRung(database, forgotten, { newWake: true });
  if (woken.length > 0) crashPoint("scheduler.after_wake");
  await ringAll(queue, woken);
  return woken.length;
}

function ringAll(queue: ExecutionQueue, due: readonly Omit<DueExecution, "bell">[]): Promise<void> {
  return queue.ring(due.map(toRing));
}
