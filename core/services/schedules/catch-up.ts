// Slots that are late, after an outage or behind a full queue: each workspace in turn, so that no backlog stands in others' way.
import type { Database } from "../../persistence/database.ts";
import { type DueSchedule, findDue } from "../../persistence/schedules/find-due.ts";
import type { FireCommitter } from "./fire-committer.ts";
import { firePage } from "./fire-page.ts";
import type { DuePlanner } from "./plan-due.ts";
import type { PlannedSchedule } from "./settle-slots.ts";
import { partOfTransaction } from "./split-chunks.ts";

export type CatchUp = {
  database: Database;
  planner: DuePlanner;
  committer: FireCommitter;
  clockFrom(now: number): () => number;
  signal: AbortSignal;
  onProgress(): void;
};

const PAGE = 1_000;
/** Of a workspace in one round, in steps of 50 slots: some 0.8 s of reckoning, 75 µs a slot. */
const SHARE = 200;
/** What a transaction takes in such steps: 200 fires, of which 1,100 to 1,700 are made in a second. */
const STEPS_OF_TRANSACTION = 40;

/**
 * One round over all that is late, from the oldest. Of each schedule what fires at once; a workspace that has had its share
 * of reckoning and firing goes on in the next round. Resolves to whether there is reason for one.
 */
export async function catchUp({
  database,
  clockFrom,
  signal,
  onProgress,
  ...work
}: CatchUp): Promise<boolean> {
  const spent = new Map<string, number>();
  const spend = ({ workspaceId }: DueSchedule, steps: number) =>
    void spent.set(workspaceId, (spent.get(workspaceId) ?? 0) + steps);
  const onStep = (schedule: DueSchedule) => {
    spend(schedule, 1);
    onProgress();
  };
  const onPlanned = (planned: PlannedSchedule) =>
    spend(planned.schedule, partOfTransaction(planned) * STEPS_OF_TRANSACTION);
  let isLeft = false;
  const mayPlan = ({ workspaceId }: DueSchedule) => {
    if ((spent.get(workspaceId) ?? 0) < SHARE) return true;
    isLeft = true;
    return false;
  };
  for (let after: DueSchedule | undefined, isMore = true; isMore && !signal.aborted; ) {
    const page = await findDue(database, { limit: PAGE, range: "late", after });
    const clock = clockFrom(page[0]?.now ?? 0);
    const next = await firePage(page, { ...work, clock, signal, mayPlan, onStep, onPlanned });
    if (next.some((instant) => instant <= clock())) isLeft = true;
    isMore = page.length === PAGE;
    after = page.at(-1);
    onProgress();
  }
  return isLeft;
}
