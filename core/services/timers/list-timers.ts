// How the platform's timers are doing: when each last succeeded, and whether it should have since.
import { readTimetable } from "../../domain/schedules/timetable.ts";
import { TIMERS, type TimerName } from "../../domain/timers.ts";
import type { Executor } from "../../persistence/database.ts";
import { listTimerRuns, type TimerRun } from "../../persistence/retention/timer-runs.ts";

/** A run may take minutes, and is tried again when it fails. */
const TOLERANCE_SECONDS = 15 * 60;

export type TimerState = {
  name: TimerName;
  cron: string;
  lastSuccessAt: string | null;
  lastSuccessMs: number | null;
  /** How long that took. */
  lastSeconds: number | null;
  lastFailureAt: string | null;
  lastError: string | null;
  failures: number;
  nextAt: string | null;
  /** Seconds since the first time after the last success at which it should have run; 0 when none has come. */
  lagSeconds: number;
  overdue: boolean;
};

/** All timers there are, also such as no scheduler has ever heard of: those are not late yet. */
export async function listTimers(executor: Executor): Promise<TimerState[]> {
  const runs = new Map((await listTimerRuns(executor)).map((run) => [run.name, run]));
  return Object.entries(TIMERS).map(([name, cron]) =>
    stateOf(name as TimerName, cron, runs.get(name as TimerName)),
  );
}

function stateOf(name: TimerName, cron: string, run: TimerRun | undefined): TimerState {
  const { next } = readTimetable({ cron });
  const now = run?.nowMs ?? Date.now();
  const due = run ? next(run.lastSuccessMs ?? run.knownSinceMs) : null;
  const lagSeconds = due === null ? 0 : Math.max(0, (now - due) / 1_000);
  return {
    name,
    cron,
    lastSuccessAt: toIso(run?.lastSuccessMs),
    lastSuccessMs: run?.lastSuccessMs ?? null,
    lastSeconds: run?.lastSeconds ?? null,
    lastFailureAt: toIso(run?.lastFailureMs),
    lastError: run?.lastError ?? null,
    failures: run?.failures ?? 0,
    nextAt: toIso(next(now)),
    lagSeconds,
    overdue: lagSeconds > TOLERANCE_SECONDS,
  };
}

function toIso(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString();
}

export type TimerService = { list(): Promise<TimerState[]> };

/** Routes let administrators in only. */
export function createTimerService({ database }: { database: Executor }): TimerService {
  return { list: () => listTimers(database) };
}
