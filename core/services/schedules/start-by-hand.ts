// Runs of a schedule that people ask for: one now, or one for each slot of the past that has not fired.
import { v7 as uuidv7 } from "uuid";
import { createId } from "../../crypto/new-id.ts";
import { AppError } from "../../domain/app-error.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import { type Actor, authorize, notFound, rolesFor } from "../../domain/roles.ts";
import { MOST_PENDING } from "../../domain/schedules/settle-overlap.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { countPending, insertFires } from "../../persistence/schedules/fires-by-hand.ts";
import { type HeldSchedule, readHeld } from "../../persistence/schedules/hold-schedules.ts";
import { holdWorkflow } from "../../persistence/schedules/scheduled-workflows.ts";
import {
  findSchedule,
  lockSchedule,
  readClock,
  type Schedule,
} from "../../persistence/schedules/schedules.ts";
import type { ExecutionQueue, Ring } from "../../queue/execution-queue.ts";
import type { BacklogGuard } from "../executions/guard-backlogs.ts";
import { principalsOf } from "../principals-of.ts";
import { auditSchedule } from "./audit-schedule.ts";
import { workflowArchived } from "./check-draft.ts";
import { commitFires, ownerMayNotRun } from "./commit-by-hand.ts";
import { whyBarred } from "./execution-of-slot.ts";
import { fault, timetableOf } from "./judge-timing.ts";

/** Of one backfill: as many executions as a batch may submit. */
export const MAX_BACKFILL = 1_000;
/** Each execution has the input of its own: 1,000 of 2 MB would be 2 GB in one statement. */
const MAX_INPUT_BYTES = 16_000_000;

/** ISO 8601; both ends count. */
export type BackfillRange = { from: string; to: string };
export type Backfilled = BackfillRange & { fired: number; pending: number; alreadyFired: number };

export type StartDependencies = {
  database: Database;
  queue: ExecutionQueue;
  backlogs: BacklogGuard;
  onRingFailed: (error: unknown) => void;
};
export type ScheduleStarter = ReturnType<typeof createScheduleStarter>;

/**
 * What is started runs in the name of the schedule's owner, whoever asks; the log and `trigger.startedBy` say who did.
 * Both throw `not_found`, `forbidden`, `workflow_archived`, `owner_may_not_run`, `no_trigger` and `queue_full`;
 * then nothing has fired.
 */
export function createScheduleStarter(dependencies: StartDependencies) {
  const start = async <Result>(
    actor: Actor,
    work: (
      tx: Executor,
    ) => Promise<{ result: Result; rings: readonly Ring[]; workspaceId: string; made: number }>,
  ): Promise<Result> => {
    const { database, queue, backlogs, onRingFailed } = dependencies;
    const { result, rings, workspaceId, made } = await database.transaction(principalsOf(actor), work);
    backlogs.note(Array.from({ length: made }, () => ({ workspaceId, made: true })));
    crashPoint("api.after_trigger_commit");
    // Not awaited: the rows are the outbox.
    if (rings.length > 0) queue.ring(rings).catch(onRingFailed);
    return result;
  };
  return {
    /** Whatever pause, window or overlap say. */
    trigger: (actor: Actor, id: string): Promise<{ executionId: string }> =>
      start(actor, (tx) => trigger(tx, dependencies.backlogs, actor, id)),
    /**
     * Slots that have fired, or wait for their turn, are left alone; those that were given up on are made up for. With
     * `overlap: queue` they wait for their turn in the order of their slots. Also throws `too_many_slots`, and
     * `invalid_request` for a range that is none or not over yet.
     */
    backfill: (actor: Actor, id: string, range: BackfillRange): Promise<Backfilled> =>
      start(actor, (tx) => backfill(tx, dependencies.backlogs, actor, id, range)),
  };
}

async function trigger(tx: Executor, backlogs: BacklogGuard, actor: Actor, id: string) {
  const { schedule, held } = await holdRunnable(tx, actor, id);
  const scheduledFor = new Date(await readClock(tx)).toISOString();
  const fire = { id: createId(), scheduledFor, executionId: createId() };
  const { version } = held;
  await insertFires(tx, { schedule, kind: "manual", askedBy: actor.userId, version, fires: [fire] });
  const { executionId } = fire;
  const rings = await commitFires(tx, backlogs, actor, {
    schedule: held,
    kind: "manual",
    fires: [fire],
    entry: { action: "schedule.triggered", details: { executionId, ownerId: schedule.ownerId } },
  });
  return { result: { executionId }, rings, workspaceId: schedule.workspaceId, made: 1 };
}

async function backfill(
  tx: Executor,
  backlogs: BacklogGuard,
  actor: Actor,
  id: string,
  range: BackfillRange,
) {
  const { schedule, held } = await holdRunnable(tx, actor, id);
  const waits = schedule.overlap === "queue";
  const slots = slotsIn(schedule, range, {
    now: await readClock(tx),
    limit: waits ? MAX_BACKFILL : limitFor(schedule),
  });
  if (waits) await requirePlaces(tx, id, slots.length);
  const fires = slots.map((slot) => ({
    // Of uuid itself, which keeps the order within a millisecond: the history is sorted by them.
    id: uuidv7(),
    scheduledFor: new Date(slot).toISOString(),
    executionId: waits ? null : createId(),
  }));
  const fired = await insertFires(tx, {
    ...{ schedule, kind: "backfill", askedBy: actor.userId, fires },
    version: waits ? null : held.version,
  });
  const counts = {
    fired: waits ? 0 : fired.length,
    pending: waits ? fired.length : 0,
    alreadyFired: slots.length - fired.length,
  };
  const result: Backfilled = { ...counts, ...range };
  const entry = { action: "schedule.backfilled", details: { ...result, ownerId: schedule.ownerId } } as const;
  if (waits) {
    await auditSchedule(tx, actor, schedule, entry.action, entry.details);
    return { result, rings: [], workspaceId: schedule.workspaceId, made: 0 };
  }
  const rings = await commitFires(tx, backlogs, actor, {
    ...{ schedule: held, kind: "backfill", entry },
    fires: fired.toSorted((a, b) => (a.scheduledFor < b.scheduledFor ? -1 : 1)),
  });
  return { result, rings, workspaceId: schedule.workspaceId, made: fired.length };
}

/** Held until the transaction ends: the workflow, so that the version noted is the one that runs, then the schedule. */
async function holdRunnable(tx: Executor, actor: Actor, id: string) {
  const seen = await findSchedule(tx, id);
  if (!seen) throw notFound("schedule");
  authorize(actor, "schedule:run", seen);
  await holdWorkflow(tx, seen.workflowId);
  const schedule = await lockSchedule(tx, id);
  const [held] = await readHeld(tx, [id], rolesFor("execution:run"));
  if (!schedule || !held) throw notFound("schedule");
  const barred = whyBarred(held);
  if (barred !== null) throw refusalOf(barred, held);
  return { schedule, held };
}

function refusalOf(reason: string, { triggerNode }: HeldSchedule): AppError {
  if (reason === "workflow_archived") return workflowArchived();
  if (reason === "owner_may_not_run") return ownerMayNotRun();
  const detail = `The workflow no longer has the trigger node ${triggerNode}: change the schedule's trigger`;
  return new AppError("no_trigger", detail);
}

function limitFor({ input }: Schedule): number {
  const fitting = Math.floor(MAX_INPUT_BYTES / Buffer.byteLength(JSON.stringify(input)));
  return Math.max(1, Math.min(MAX_BACKFILL, fitting));
}

function slotsIn(
  schedule: Schedule,
  { from, to }: BackfillRange,
  { now, limit }: { now: number; limit: number },
): number[] {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  if (first > last)
    throw fault("invalid_request", "to", "The range ends before it begins; exchange from and to");
  if (last > now) {
    throw fault(
      "invalid_request",
      "to",
      "A backfill is for the past: give an end that is not later than now",
    );
  }
  const timetable = timetableOf(schedule);
  const slots: number[] = [];
  for (let slot = timetable.next(first - 1); slot !== null && slot <= last; slot = timetable.next(slot)) {
    slots.push(slot);
    if (slots.length > limit) throw tooManySlots(limit, slot);
  }
  return slots;
}

function tooManySlots(limit: number, reached: number): AppError {
  const count = limit.toLocaleString("en-US");
  const detail = `The range has more than ${count} slots, as many as one call may start here: narrow it to end before ${new Date(reached).toISOString()}, then go on from there`;
  return fault("too_many_slots", "to", detail);
}

async function requirePlaces(tx: Executor, id: string, slots: number): Promise<void> {
  const places = MOST_PENDING - (await countPending(tx, id));
  if (slots <= places) return;
  const detail = `${slots} slots would have to wait for their turn, and ${Math.max(0, places)} more can: narrow the range or come back later`;
  throw fault("too_many_slots", "to", detail);
}
