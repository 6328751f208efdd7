// What a claim goes on from, with bounded memory whatever an earlier one has written: small journals whole, of big ones
// what is still needed.
import { getHeapStatistics } from "node:v8";
import { AppError } from "#core/domain/app-error.ts";
import { MAX_JOURNAL_BYTES } from "#core/domain/execution.ts";
import { type ClaimedExecution, NOT_LOADED, type StepRecord } from "#core/domain/journal.ts";
import type { CompiledWorkflow } from "#core/engine/compile-workflow.ts";
import { bodiesOf, outerLoops, outputsToRead } from "#core/engine/plan-resume.ts";
import type { Database } from "#core/persistence/database.ts";
import { awaitsEnd, endDecided } from "#core/persistence/executions/end-decided.ts";
import {
  answerSteps,
  loadJournalEnd,
  loadOutputs,
  loadSmallJournal,
  loadStepPage,
  waitsForChild,
} from "#core/persistence/executions/load-steps.ts";
import { isStatementTimeout } from "#core/persistence/translate-error.ts";
import { awaitDatabase } from "./await-database.ts";
import { createByteBudget } from "./byte-budget.ts";
import { weighJson } from "./weigh-json.ts";

/** A step without its payloads, with its place in the engine's maps: an estimate, rather too much. */
const STEP_BYTES = 700;
/** Pages are small, so one that takes 30 s means an overloaded server; so often, and the run fails. */
const SLOW_TRIES = 5;
/** After so long without room it is handed back, and goes to the end of the line or to another worker. */
const PATIENCE_MS = 10_000;

/** `release`: the run has ended, its memory is free. */
export type History = { steps: readonly StepRecord[]; lastSeq: number; release: () => void };

export type HistoryLoader = (
  execution: ClaimedExecution,
  workflow: CompiledWorkflow,
  signal: AbortSignal,
) => Promise<History>;

export type HistoryLoaderOptions = {
  database: Database;
  /** Bytes of memory for one execution, and for all together. */
  limitBytes?: number;
  budgetBytes?: number;
};

/**
 * Rejects with `journal_too_large`, `journal_unreadable`, `shutdown` when there was no room for long, `no_trigger`, the
 * absence of the database once aborted, or the reason of the abort.
 */
export function createHistoryLoader({ database, ...given }: HistoryLoaderOptions): HistoryLoader {
  const heap = getHeapStatistics().heap_size_limit;
  const { limitBytes = Math.min(MAX_JOURNAL_BYTES, heap / 8), budgetBytes = heap / 4 } = given;
  const budget = createByteBudget(budgetBytes);
  const load: HistoryLoader = async (execution, workflow, signal) => {
    const patient = createPatience(signal);
    const small = await patient(() => loadSmallJournal(database, execution.id));
    if (small) return { steps: small, lastSeq: 0, release: () => {} };
    const grant = await budget.take(limitBytes, signal, PATIENCE_MS).catch(handBack);
    try {
      const scale = createScale(limitBytes);
      const loaded = await loadNeeded(database, { execution, workflow, patient, scale, signal });
      grant.shrink(scale.bytes());
      return { ...loaded, release: grant.release };
    } catch (error) {
      grant.release();
      throw error;
    }
  };
  return async (execution, workflow, signal) => {
    const history = await load(execution, workflow, signal);
    if (!history.steps.some(awaitsEnd)) return history;
    history.release();
    await createPatience(signal)(() => endDecided(database, execution));
    return load(execution, workflow, signal);
  };
}

function createPatience(signal: AbortSignal): Patient {
  return (work) =>
    awaitDatabase(work, signal, SLOW_TRIES).catch((error: unknown) => {
      throw signal.aborted ? error : toUnreadable(error);
    });
}

type Patient = <Result>(work: () => Promise<Result>) => Promise<Result>;
type Scale = { add(bytes: number): void; bytes(): number };
type Loading = {
  execution: ClaimedExecution;
  workflow: CompiledWorkflow;
  patient: Patient;
  scale: Scale;
  signal: AbortSignal;
};

async function loadNeeded(
  database: Database,
  { execution, workflow, patient, scale, signal }: Loading,
): Promise<Omit<History, "release">> {
  const { id } = execution;
  const end = await patient(() => loadJournalEnd(database, id, outerLoops(workflow)));
  const without = bodiesOf(workflow, end.succeeded);
  const steps: StepRecord[] = [];
  for (;;) {
    signal.throwIfAborted();
    const page = await patient(() => loadStepPage(database, id, { after: steps.at(-1) ?? null, without }));
    if (page.length === 0) break;
    for (const step of page) {
      scale.add(STEP_BYTES + weighJson(step.input) + weighJson(step.error) + weighJson(step.state));
      steps.push(step);
    }
  }
  for (const [index, step] of steps.entries()) {
    if (!waitsForChild(step)) continue;
    const [answered = step] = await patient(() => answerSteps(database, [step]));
    scale.add(weighJson(answered.state?.answer));
    steps[index] = answered;
  }
  const needed = outputsToRead(workflow, execution, steps);
  for (const step of steps) if (step.status === "succeeded") step.output = NOT_LOADED;
  const open = [...needed].filter((step) => step.status === "succeeded");
  for (let done = 0; done < open.length; ) {
    signal.throwIfAborted();
    const next = open.slice(done, done + 1_000);
    const outputs = await patient(() => loadOutputs(database, id, next));
    if (outputs.length === 0) throw new AppError("journal_unreadable", "Steps of the journal are gone");
    for (const output of outputs) {
      scale.add(weighJson(output));
      (open[done++] as StepRecord).output = output;
    }
  }
  return { steps, lastSeq: end.lastSeq };
}

function createScale(limit: number): Scale {
  let bytes = 0;
  return {
    add(more) {
      bytes += more;
      if (bytes <= limit) return;
      const megabytes = Math.floor(limit / 1_048_576);
      throw new AppError(
        "journal_too_large",
        `To go on, it needs more than ${megabytes} MB of what its steps have written down. Put out less (the body of a loop as little as its results), keep what is big as files, or move parts into sub-workflows`,
      );
    },
    bytes: () => bytes,
  };
}

/** What is neither absence nor a word of ours says that it cannot be read, now or later. */
function toUnreadable(error: unknown): unknown {
  if (error instanceof AppError && !isStatementTimeout(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AppError("journal_unreadable", `The journal cannot be read: ${message}`, { cause: error });
}

function handBack(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== "budget_busy") throw error;
  throw new AppError("shutdown", "No room to load its journal", { cause: error });
}
