// Fires schedules that are due: planned one by one, and in transactions of their own as soon as one is full.
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import type { FireCommitter } from "./fire-committer.ts";
import { fireSlots } from "./fire-slots.ts";
import type { DuePlanner } from "./plan-due.ts";
import type { PlannedSchedule } from "./settle-slots.ts";
import { splitChunks, weighPlanned } from "./split-chunks.ts";

export type PageWork = {
  planner: DuePlanner;
  committer: FireCommitter;
  /** The database's, in ms since the epoch. */
  clock: () => number;
  signal: AbortSignal;
  /** Asked of each before it is planned. */
  mayPlan?(schedule: DueSchedule): boolean;
  /** Of each 50 slots that were looked at for it. */
  onStep?(schedule: DueSchedule): void;
  onPlanned?(planned: PlannedSchedule): void;
};

/** Transactions of one look at the same time. */
const LANES = 2;

/** Resolves to the next slots of what was dealt with. Nobody of a workspace whose queue is found full is planned for. */
export async function firePage(page: readonly DueSchedule[], work: PageWork): Promise<number[]> {
  const { committer, clock } = work;
  const next: number[] = [];
  await inLanes(splitChunks(planPage(page, work), weighPlanned), async (chunk) => {
    const options = { nameOf: ({ schedule }: PlannedSchedule) => nameOf(schedule), clock };
    for (const instant of await committer.commit(chunk, fireSlots, options)) next.push(instant);
  });
  return next;
}

async function* planPage(page: readonly DueSchedule[], work: PageWork): AsyncGenerator<PlannedSchedule> {
  const { planner, committer, clock, signal, mayPlan, onStep, onPlanned } = work;
  for (const schedule of byTurns(page)) {
    if (signal.aborted) return;
    if (schedule.due > clock() || committer.isPostponed(schedule)) continue;
    if (mayPlan?.(schedule) === false) continue;
    const planned = await planner
      .plan(schedule, clock(), () => onStep?.(schedule))
      .catch((error) => committer.giveUp(nameOf(schedule), "unreadable", error));
    if (!planned) continue;
    onPlanned?.(planned);
    yield planned;
  }
}

/** One of each workspace, then the second of each, and so on: nobody's backlog stands before all of another's. */
function byTurns(page: readonly DueSchedule[]): DueSchedule[] {
  const turns = new Map<string, number>();
  const placed = page.map((schedule) => {
    const turn = turns.get(schedule.workspaceId) ?? 0;
    turns.set(schedule.workspaceId, turn + 1);
    return { schedule, turn };
  });
  return placed.sort((a, b) => a.turn - b.turn).map(({ schedule }) => schedule);
}

function nameOf({ id, workspaceId, dueText }: DueSchedule) {
  return { id, workspaceId, due: dueText };
}

/** Both take from the same line; when one fails nothing more is taken. */
async function inLanes<Item>(items: AsyncGenerator<Item>, work: (item: Item) => Promise<void>) {
  const lanes = Array.from({ length: LANES }, async () => {
    for await (const item of items) await work(item);
  });
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === "rejected") throw lane.reason;
}
