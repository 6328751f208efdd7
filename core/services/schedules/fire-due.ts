// One look at the clock: fires what is due now, and says when to look again; what is late and what waits have looks of their own.
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import { findDue } from "../../persistence/schedules/find-due.ts";
import { type CatchUp, catchUp } from "./catch-up.ts";
import { createBreath } from "./create-breath.ts";
import { createFireCommitter, type FiringDependencies } from "./fire-committer.ts";
import { firePage } from "./fire-page.ts";
import { createDuePlanner } from "./plan-due.ts";
import type { PlannedSchedule } from "./settle-slots.ts";
import { partOfTransaction } from "./split-chunks.ts";
import { takeTurns } from "./take-turns.ts";

/** Each throws `database_unavailable`. `onProgress` after every page, every transaction and 50 slots of reckoning. */
export type Firing = {
  /** Slots of the last minute. Resolves to the ms until the next one that it knows of, at most AHEAD_MS. */
  look(signal: AbortSignal, onProgress?: () => void): Promise<number>;
  /** Slots that are later than a minute, of every workspace in turn. Resolves to whether some that could fire are left. */
  catchUp(signal: AbortSignal, onProgress?: () => void): Promise<boolean>;
  /** Slots that waited for their turn. */
  takeTurns(signal: AbortSignal, onProgress?: () => void): Promise<void>;
};

/** So far ahead it looks, and plans. Longer than the pause between two looks. */
const AHEAD_MS = 1_000;
const PAGE = 1_000;
/** Transactions of a workspace in one sweep of a look, two at the same time: 800 slots with small inputs, some 0.3 s. */
const SHARE = 4;
/** Beyond their share, and kept for the next sweep; more are read again. */
const MOST_LEFT = 20_000;
/** After so long a look ends and the next one begins: what was edited meanwhile is seen by that. */
const LONGEST_MS = 2_000;

/** Any number of processes may look: each slot fires once, and who is stopped or killed in the middle holds nothing. */
export function createFiring(dependencies: FiringDependencies): Firing {
  const { database } = dependencies;
  const planner = createDuePlanner(createBreath());
  const committer = createFireCommitter(dependencies);
  return {
    look: (signal, onProgress = () => {}) =>
      look({ database, planner, committer: committer.with(onProgress), signal, onProgress }),
    catchUp: (signal, onProgress = () => {}) =>
      catchUp({ database, planner, committer: committer.with(onProgress), clockFrom, signal, onProgress }),
    takeTurns: (signal, onProgress = () => {}) =>
      takeTurns({ database, committer: committer.with(onProgress), signal, onProgress }),
  };
}

type Look = Omit<CatchUp, "clockFrom">;

/**
 * In sweeps: what of a workspace is beyond its share waits for the next one, until all that others have due has fired, also
 * what has come due meanwhile.
 */
async function look({ database, planner, committer, signal, onProgress }: Look): Promise<number> {
  const began = performance.now();
  let [next, clock]: [number, () => number] = [Number.POSITIVE_INFINITY, Date.now];
  let after: DueSchedule | undefined;
  let [waiting, isLeft]: [DueSchedule[], boolean] = [[], false];
  do {
    const left: DueSchedule[] = [];
    const { mayPlan, onPlanned } = shareOut((schedule) => {
      if (left.push(schedule) > MOST_LEFT) left.pop();
      isLeft = true;
    });
    isLeft = false;
    for (let isMore = true; isMore && !signal.aborted; ) {
      const page = await findDue(database, { limit: PAGE, range: { aheadMs: AHEAD_MS }, after });
      if (page[0]) clock = clockFrom(page[0].now);
      const { due = [], coming = [] } = Object.groupBy([...waiting, ...page], (schedule) =>
        schedule.due <= clock() ? "due" : "coming",
      );
      const work = { planner, committer, clock, signal, mayPlan, onPlanned, onStep: onProgress };
      for (const instant of await firePage(due, work)) next = Math.min(next, instant);
      waiting = coming;
      isMore = page.length === PAGE;
      after = page.at(-1) ?? after;
      onProgress();
    }
    waiting = [...left, ...waiting];
  } while (isLeft && !signal.aborted && performance.now() - began < LONGEST_MS);
  next = waiting.reduce((first, { due }) => Math.min(first, due), isLeft ? 0 : next);
  await planner.prepare(waiting, () => signal.aborted || clock() >= next);
  return Math.min(AHEAD_MS, Math.max(0, next - clock()));
}

/** Tells `onBeyond` of what is more than the share of its workspace. */
function shareOut(onBeyond: (schedule: DueSchedule) => void) {
  const spent = new Map<string, number>();
  return {
    mayPlan(schedule: DueSchedule): boolean {
      const isWithin = (spent.get(schedule.workspaceId) ?? 0) < SHARE;
      if (!isWithin) onBeyond(schedule);
      return isWithin;
    },
    onPlanned(planned: PlannedSchedule): void {
      const { workspaceId } = planned.schedule;
      spent.set(workspaceId, (spent.get(workspaceId) ?? 0) + partOfTransaction(planned));
    },
  };
}

/** The database's clock, never ahead of it: this process's may be wrong by minutes. */
function clockFrom(now: number): () => number {
  const readAt = performance.now();
  return () => Math.floor(now + performance.now() - readAt);
}
