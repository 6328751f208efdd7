// Somebody waits for an execution that is submitted alone: a worker hears of it from the commit, and no bell is rung for it
// unless it is slow to move. Saves the queue's own commit, its job and the worker's turn with both.
import { LEASE_MS } from "../../domain/execution.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { callWorker } from "../../persistence/executions/eager-starts.ts";
import type { ExecutionSignals } from "../../persistence/executions/execution-signals.ts";
import type { NewExecution } from "../../persistence/executions/insert-executions.ts";
import { findLiveWorkers } from "../../persistence/executions/workers.ts";

/** One execution and the worker chosen for it. */
export type EagerStart = {
  /** Part of the transaction that makes it: heard when that commits. */
  call(tx: Executor, row: NewExecution): Promise<unknown>;
  /** True as soon as the execution was heard of; false when it was not, and a bell has to be rung for it. */
  isHeard: Promise<boolean>;
  /** Nothing was made: that nobody hears of it says nothing about workers. */
  drop(): void;
};

export type EagerStarts = {
  /** null: no start of this kind for these rows, ring for them. */
  plan(rows: readonly NewExecution[]): EagerStart | null;
};

export type EagerStartOptions = {
  database: Database;
  signals: Pick<ExecutionSignals, "wait">;
  /** Who is alive could not be asked: bells are rung as ever. */
  onError: (error: unknown) => void;
  /** How long a start may go unheard of. */
  patienceMs?: number;
  restMs?: number;
  observe?: ((isHeard: boolean) => void) | undefined;
};

/** Long enough for most short runs on a busy machine, short enough for one whose worker has no room or is gone. */
const PATIENCE_MS = 30;
const LOOK_MS = 5_000;
/** Of one process. Each notifies, and PostgreSQL commits those that notify one after the other; who is busy gathers rows anyway. */
const AT_ONCE = 2;
/** After one that went unheard, workers are full or runs are long: a bell for each as ever. */
const REST_MS = 1_000;

export function createEagerStarts(options: EagerStartOptions): EagerStarts {
  const { database, signals, onError, observe, patienceMs = PATIENCE_MS, restMs = REST_MS } = options;
  let workers: readonly string[] = [];
  let lookedAt = Number.NEGATIVE_INFINITY;
  let turn = 0;
  let underWay = 0;
  let restsUntil = Number.NEGATIVE_INFINITY;

  const look = () => {
    if (performance.now() - lookedAt < LOOK_MS) return;
    lookedAt = performance.now();
    findLiveWorkers(database, LEASE_MS).then((alive) => {
      workers = alive;
    }, onError);
  };

  return {
    plan(rows) {
      const [row] = rows;
      if (rows.length !== 1 || !row?.watched || row.availableAt !== null) return null;
      look();
      if (underWay >= AT_ONCE || performance.now() < restsUntil) return null;
      const worker = workers[turn++ % workers.length];
      if (worker === undefined) return null;
      underWay++;
      let isMade = true;
      const drop = () => {
        isMade = false;
      };
      const isHeard = signals.wait(row.id, { timeoutMs: patienceMs }).then((heard) => {
        underWay--;
        if (!heard && isMade) restsUntil = performance.now() + restMs;
        if (isMade) observe?.(heard);
        return heard;
      });
      const call: EagerStart["call"] = (tx, { id, band }) =>
        callWorker(tx, worker, { executionId: id, band });
      return { call, isHeard, drop };
    },
  };
}
