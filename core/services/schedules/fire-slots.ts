// One short transaction in which slots of several schedules fire, wait or are skipped, each exactly once.

import { createId } from "../../crypto/new-id.ts";
import { rolesFor } from "../../domain/roles.ts";
import { writeInstant } from "../../domain/schedules/write-instant.ts";
import type { Executor } from "../../persistence/database.ts";
import { findTaken, holdUnchanged, readHeld } from "../../persistence/schedules/hold-schedules.ts";
import {
  advanceSchedules,
  insertSkipRows,
  insertSlotFires,
  type SlotFire,
} from "../../persistence/schedules/write-fires.ts";
import type { Ring } from "../../queue/bells.ts";
import type { BacklogGuard } from "../executions/guard-backlogs.ts";
import {
  fitRooms,
  type PlannedSchedule,
  type SettledSchedule,
  settleSlots,
  skipRowsOf,
} from "./settle-slots.ts";
import { type Cancel, startExecutions } from "./start-executions.ts";

export type FiredSlots = {
  /** `toleranceMs` null: it had waited for its turn. */
  started: { workspaceId: string; slot: number; toleranceMs: number | null }[];
  /** How many wait for their turn now. */
  queued: number;
  /** How many slots, by run; null: more than 2,000. */
  skipped: { reason: string; slots: number | null }[];
  rings: Ring[];
  /** Workspaces whose queue has no room for all of it. */
  full: string[];
  /** The next slot of those that were dealt with, ms since the epoch. */
  next: number[];
};

/**
 * Whoever finds schedules due may call it: those that were edited or fired since they were read, or are in other hands
 * at this moment, are left alone.
 */
export async function fireSlots(
  tx: Executor,
  planned: readonly PlannedSchedule[],
  backlogs: BacklogGuard,
): Promise<FiredSlots> {
  const schedules = planned.map(({ schedule }) => schedule);
  const slots = planned.flatMap(({ schedule, plan }) =>
    plan.fire.map((slot) => ({ scheduleId: schedule.id, slot })),
  );
  const ids = schedules.map(({ id }) => id);
  const [unchanged, rows, taken] = await Promise.all([
    holdUnchanged(tx, schedules),
    readHeld(tx, ids, rolesFor("execution:run")),
    findTaken(tx, slots),
  ]);
  const held = new Map(rows.map((row) => [row.id, row]));
  const settled = planned.flatMap((one) => {
    const row = unchanged.has(one.schedule) ? held.get(one.schedule.id) : undefined;
    return row ? [settleSlots(one, row, taken)] : [];
  });
  return write(tx, await makeRoom(tx, settled, backlogs));
}

/** Gives the executions their bands, and takes out what the queues have no room for. */
async function makeRoom(
  tx: Executor,
  settled: readonly SettledSchedule[],
  backlogs: BacklogGuard,
): Promise<SettledSchedule[]> {
  const executions = settled.flatMap(({ starts }) => starts.map(({ execution }) => execution));
  if (executions.length === 0) return [...settled];
  const { rows, rooms } = await backlogs.look(tx, executions);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const banded = settled.map((one) => ({
    ...one,
    starts: one.starts.map((start) => ({
      ...start,
      execution: byId.get(start.execution.id) ?? start.execution,
    })),
  }));
  return fitRooms(banded, rooms);
}

async function write(tx: Executor, settled: readonly SettledSchedule[]): Promise<FiredSlots> {
  const inserted = await insertSlotFires(tx, settled.flatMap(firesOf));
  const fired = settled.map((one) => ({
    ...one,
    starts: one.starts.filter(({ fireId }) => inserted.has(fireId)),
  }));
  const moved = fired.filter(({ schedule, nextRunAt }) => nextRunAt !== schedule.due);
  const skips = fired.flatMap(skipRowsOf);
  const rings = await startExecutions(
    tx,
    fired.flatMap(({ starts }) => starts.map(({ execution }) => execution)),
    fired.flatMap(cancelOf),
    () => [insertSkipRows(tx, skips), advanceSchedules(tx, moved.map(advanceOf))],
  );
  return {
    rings,
    started: fired.flatMap(({ schedule, starts }) =>
      starts.map(({ slot }) => ({
        workspaceId: schedule.workspaceId,
        slot,
        toleranceMs: schedule.toleranceMs,
      })),
    ),
    queued: inserted.size - fired.reduce((sum, { starts }) => sum + starts.length, 0),
    skipped: skips.map(({ reason, slots }) => ({ reason, slots })),
    full: fired.filter(({ isFull }) => isFull).map(({ schedule }) => schedule.workspaceId),
    next: fired.flatMap(({ isFull, nextRunAt }) => (isFull || nextRunAt === null ? [] : [nextRunAt])),
  };
}

function firesOf({ held, starts, wait }: SettledSchedule): SlotFire[] {
  const of = { scheduleId: held.id, workspaceId: held.workspaceId };
  const { version } = held;
  return [
    ...starts.map(({ fireId, slot, execution }) => ({
      ...of,
      id: fireId,
      slot: writeInstant(slot),
      executionId: execution.id,
      version,
    })),
    ...wait.map((slot) => ({
      ...of,
      id: createId(),
      slot: writeInstant(slot),
      executionId: null,
      version: null,
    })),
  ];
}

function cancelOf({ held, starts, cancel }: SettledSchedule): Cancel[] {
  if (cancel === null || starts.length === 0) return [];
  const { id: scheduleId, workspaceId, ownerId: userId } = held;
  return [{ executionId: cancel, scheduleId, workspaceId, userId }];
}

function advanceOf({ held, starts, nextRunAt }: SettledSchedule) {
  return {
    id: held.id,
    nextRunAt: nextRunAt === null ? null : writeInstant(nextRunAt),
    lastExecutionId: starts.at(-1)?.execution.id ?? null,
  };
}
