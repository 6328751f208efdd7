// One short transaction in which slots that waited for their turn fire, the oldest first.
import { createId } from "../../crypto/new-id.ts";
import { rolesFor } from "../../domain/roles.ts";
import type { Executor } from "../../persistence/database.ts";
import { type HeldSchedule, holdSchedules, readHeld } from "../../persistence/schedules/hold-schedules.ts";
import {
  findPending,
  markFired,
  type PendingFire,
  type ReadySchedule,
  skipPending,
} from "../../persistence/schedules/pending-fires.ts";
import { noteStarted } from "../../persistence/schedules/write-fires.ts";
import type { BacklogGuard } from "../executions/guard-backlogs.ts";
import { executionOfSlot, whyBarred } from "./execution-of-slot.ts";
import type { FiredSlots } from "./fire-slots.ts";
import { turnsOf } from "./split-chunks.ts";
import { startExecutions } from "./start-executions.ts";

type Turn = { fire: PendingFire; held: HeldSchedule };

/** Slots of those whose turn has come and that nobody else has in hand. */
export async function firePending(
  tx: Executor,
  ready: readonly ReadySchedule[],
  backlogs: BacklogGuard,
): Promise<FiredSlots> {
  const ids = ready.map(({ id }) => id);
  const [mine, rows, fires] = await Promise.all([
    holdSchedules(tx, ids),
    readHeld(tx, ids, rolesFor("execution:run")),
    findPending(
      tx,
      ready.map((one) => ({ id: one.id, most: turnsOf(one) })),
    ),
  ]);
  const held = new Map(rows.filter(({ id }) => mine.has(id)).map((row) => [row.id, row]));
  const barred = [...held.values()].flatMap((row) => {
    const reason = whyBarred(row);
    return reason === null ? [] : [{ id: row.id, reason }];
  });
  const isBarred = new Set(barred.map(({ id }) => id));
  const turns = fires.flatMap((fire): Turn[] => {
    const row = held.get(fire.scheduleId);
    if (!row || isBarred.has(row.id) || (row.overlap !== "allow" && row.liveId !== null)) return [];
    return [{ fire, held: row }];
  });
  const skipped = await Promise.all(
    barred.map(async ({ id, reason }) => ({ reason, slots: await skipPending(tx, id, reason) })),
  );
  return { ...(await start(tx, turns, backlogs)), skipped };
}

async function start(tx: Executor, turns: readonly Turn[], backlogs: BacklogGuard): Promise<FiredSlots> {
  const nothing = { started: [], queued: 0, skipped: [], rings: [], full: [], next: [] };
  if (turns.length === 0) return nothing;
  const asked = turns.map(({ fire, held }) => executionOfSlot(held, { ...fire, id: createId() }));
  const { rows, rooms } = await backlogs.look(tx, asked);
  const left = new Map(rooms.map(({ workspaceId, room }) => [workspaceId, room]));
  const fitting = turns.flatMap((turn, index) => {
    const { workspaceId } = turn.held;
    const room = left.get(workspaceId) ?? Number.POSITIVE_INFINITY;
    left.set(workspaceId, room - 1);
    const execution = rows[index];
    return room > 0 && execution ? [{ ...turn, execution }] : [];
  });
  const started = fitting.map(({ fire, held, execution }) => ({
    ...{ id: fire.id, scheduleId: held.id, workspaceId: held.workspaceId, slot: fire.slot },
    ...{ executionId: execution.id, version: held.version },
  }));
  const rings = await startExecutions(
    tx,
    fitting.map(({ execution }) => execution),
    [],
    () => [markFired(tx, started), noteStarted(tx, started)],
  );
  const full = turns.filter((turn) => !fitting.some(({ fire }) => fire === turn.fire));
  return {
    ...nothing,
    rings,
    started: started.map(({ workspaceId, slot }) => ({ workspaceId, slot, toleranceMs: null })),
    full: [...new Set(full.map(({ held }) => held.workspaceId))],
  };
}
