// One look at the clock: fires what is due now, and says when to look again; what is late and what waits have looks of their own.
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import { findDue } from "../../persistence/schedules/find-due.ts";
import { catchUp } from "./catch-up.ts";
import { createBreath } from "./create-breath.ts";
import { createFireCommitter, type FiringDependencies } from "./fire-committer.ts";
import { firePage } from "./fire-page.ts";
import { createDuePlanner } from "./plan-due.ts";
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

/** Any number of processes may look: each slot fires once, and who is stopped or killed in the middle holds nothing. */
export function createFiring(dependencies: FiringDependencies): Firing {
  const { database } = dependencies;
  const planner = createDuePlanner(createBreath());
  const committer = createFireCommitter(dependencies);
  return {
    async look(signal, onProgress = () => {}) {
      const coming: DueSchedule[] = [];
      let [next, clock]: [number, () => number] = [Number.POSITIVE_INFINITY, Date.now];
      for (let after: DueSchedule | undefined, isMore = true; isMore && !signal.aborted; ) {
        const page = await findDue(database, { limit: PAGE, range: { aheadMs: AHEAD_MS }, after });
        if (page[0]) clock = clockFrom(page[0].now);
        for (const schedule of page) {
          if (schedule.due <= clock()) continue;
          coming.push(schedule);
          next = Math.min(next, schedule.due);
        }
        const work = { planner, committer: committer.with(onProgress), clock, signal, onStep: onProgress };
        for (const instant of await firePage(page, work)) next = Math.min(next, instant);
        isMore = page.length === PAGE;
        after = page.at(-1);
        onProgress();
      }
      await planner.prepare(coming, () => signal.aborted || clock() >= next);
      return Math.min(AHEAD_MS, Math.max(0, next - clock()));
    },
    catchUp: (signal, onProgress = () => {}) =>
      catchUp({ database, planner, committer: committer.with(onProgress), clockFrom, signal, onProgress }),
    takeTurns: (signal, onProgress = () => {}) =>
      takeTurns({ database, committer: committer.with(onProgress), signal, onProgress }),
  };
}

/** The database's clock, never ahead of it: this process's may be wrong by minutes. */
function clockFrom(now: number): () => number {
  const readAt = performance.now();
  return () => Math.floor(now + performance.now() - readAt);
}
