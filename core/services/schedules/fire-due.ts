// One look at the clock: fires what is due and the slots whose turn has come, and says when to look again.
import type { Database } from "../../persistence/database.ts";
import { type DueSchedule, findDue } from "../../persistence/schedules/find-due.ts";
import { findReadySchedules } from "../../persistence/schedules/pending-fires.ts";
import { createFireCommitter, type FireCommitter, type FiringDependencies } from "./fire-committer.ts";
import { firePending } from "./fire-pending.ts";
import { fireSlots } from "./fire-slots.ts";
import { createDuePlanner, type DuePlanner } from "./plan-due.ts";
import type { PlannedSchedule } from "./settle-slots.ts";
import { splitChunks } from "./split-chunks.ts";

export type Firing = {
  /** Resolves to the ms until the next slot that it knows of, at most AHEAD_MS. Throws `database_unavailable`. */
  look(signal: AbortSignal): Promise<number>;
};

/** So far ahead it looks, and plans. Longer than the pause between two looks. */
const AHEAD_MS = 1_000;
const PAGE = 1_000;
/** Transactions of one look at the same time. */
const LANES = 2;
const READY = 500;
const READY_AT_ONCE = 100;

/** Any number of processes may look: each slot fires once, and who is stopped or killed in the middle holds nothing. */
export function createFiring(dependencies: FiringDependencies): Firing {
  const { database } = dependencies;
  const planner = createDuePlanner();
  const committer = createFireCommitter(dependencies);
  return {
    async look(signal) {
      const [coming, instants]: [DueSchedule[], number[]] = [[], []];
      let clock: () => number = Date.now;
      for (let after: DueSchedule | undefined, isMore = true; isMore && !signal.aborted; ) {
        const page = await findDue(database, { limit: PAGE, aheadMs: AHEAD_MS, after });
        if (page[0]) clock = clockFrom(page[0].now);
        for (const schedule of page) if (schedule.due > clock()) coming.push(schedule);
        for (const instant of await firePage(page, clock, planner, committer)) instants.push(instant);
        isMore = page.length === PAGE;
        after = page.at(-1);
      }
      planner.prepare(coming);
      await fireReady(database, committer);
      const next = [...instants, ...coming.map(({ due }) => due)].reduce(
        (least, instant) => Math.min(least, instant),
        Number.POSITIVE_INFINITY,
      );
      return Math.min(AHEAD_MS, Math.max(0, next - clock()));
    },
  };
}

/** Resolves to the next slots of what was dealt with. */
async function firePage(
  page: readonly DueSchedule[],
  clock: () => number,
  planner: DuePlanner,
  committer: FireCommitter,
): Promise<number[]> {
  const planned: PlannedSchedule[] = [];
  for (const schedule of page) {
    if (schedule.due > clock() || committer.isPostponed(schedule.id)) continue;
    try {
      planned.push(planner.plan(schedule, clock()));
    } catch (error) {
      await committer.giveUp(nameOf({ schedule }), "unreadable", error);
    }
  }
  const next: number[] = [];
  await inLanes(splitChunks(planned), async (chunk) => {
    next.push(...(await committer.commit(chunk, fireSlots, { nameOf, clock })));
  });
  return next;
}

async function fireReady(database: Database, committer: FireCommitter): Promise<void> {
  const found = await findReadySchedules(database, READY);
  const ready = found.filter((id) => !committer.isPostponed(id));
  for (let at = 0; at < ready.length; at += READY_AT_ONCE) {
    await committer.commit(ready.slice(at, at + READY_AT_ONCE), firePending, {
      nameOf: (id) => ({ id, due: null }),
      clock: null,
    });
  }
}

function nameOf({ schedule }: { schedule: DueSchedule }) {
  return { id: schedule.id, due: schedule.dueText };
}

/** The database's clock, never ahead of it: this process's may be wrong by minutes. */
function clockFrom(now: number): () => number {
  const readAt = performance.now();
  return () => Math.floor(now + performance.now() - readAt);
}

async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  const lanes = Array.from({ length: LANES }, async () => {
    for (const item of left) await work(item);
  });
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === "rejected") throw lane.reason;
}
