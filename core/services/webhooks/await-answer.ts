// What the caller of a webhook gets who waits: the workflow's own answer as soon as it is given, else how it ended.
import { AppError } from "../../domain/app-error.ts";
import { joinLabels } from "../../domain/audited-read.ts";
import { type ExecutionStatus, isTerminal } from "../../domain/execution.ts";
import type { Actor } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import type { ExecutionSignals } from "../../persistence/executions/execution-signals.ts";
import { markWatched } from "../../persistence/executions/executions.ts";
import { findHookAnswer } from "../../persistence/webhooks/hook-answers.ts";
import type { ReadRecorder } from "../audit/record-reads.ts";
import { principalsOf } from "../principals-of.ts";

/** `response` is the output of a flow.respond; `output` that of an execution that has ended. */
export type HookAnswer =
  | { kind: "response"; response: unknown }
  | { kind: "ended"; status: ExecutionStatus; output: unknown };

export type AnswerDependencies = { database: Database; signals: ExecutionSignals; reads: ReadRecorder };

/** Looked for again without a signal, should one be lost. */
const LOOK_MS = 1_000;
const ANSWERED = "answered";

/**
 * Null when there is neither within `waitMs`, the caller has gone, or the database goes away: the execution itself is
 * accepted. `actor` is the webhook's owner, in whose name the answer is read, and written down where reads are.
 */
export async function awaitAnswer(
  dependencies: AnswerDependencies,
  { actor, id, waitMs, made }: { actor: Actor; id: string; waitMs: number; made: boolean },
  gone: AbortSignal,
): Promise<HookAnswer | null> {
  const { database, signals } = dependencies;
  const deadline = Date.now() + waitMs;
  if (!made) await database.transaction(principalsOf(actor), (tx) => markWatched(tx, id));
  for (;;) {
    const left = deadline - Date.now();
    const answered = new AbortController();
    // Registered before the look, so that an answer between the two is not missed.
    const change = signals.wait(id, {
      timeoutMs: Math.min(Math.max(left, 0), LOOK_MS),
      signal: AbortSignal.any([answered.signal, gone]),
    });
    try {
      const answer = await look(dependencies, actor, id);
      if (answer) return answer;
      if (left <= 0 || gone.aborted) return null;
      await change;
    } catch (error) {
      if (error instanceof AppError && error.code === "database_unavailable") return null;
      throw error;
    } finally {
      answered.abort(ANSWERED);
    }
  }
}

async function look(
  { database, reads }: AnswerDependencies,
  actor: Actor,
  id: string,
): Promise<HookAnswer | null> {
  const found = await database.transaction(principalsOf(actor), (tx) => findHookAnswer(tx, id));
  if (!found) return null;
  const isEnded = isTerminal(found.status);
  if (found.response === null && !isEnded) return null;
  const { workspaceId, auditReads } = found;
  const labels = joinLabels(found.labels, found.response?.labels ?? []);
  const facts = { workspaceId, auditReads, labels };
  await reads.record(actor, { targetType: "execution", targetId: id, how: "wait", facts });
  if (found.response) return { kind: "response", response: found.response.output };
  return { kind: "ended", status: found.status, output: found.output };
}
