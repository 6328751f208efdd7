// What became of a schedule's slots, each with a sentence that says so.
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { explainSlot } from "../../domain/schedules/explain-slot.ts";
import type { Database } from "../../persistence/database.ts";
import {
  type HistoryPage,
  listHistory,
  type SlotRecord,
} from "../../persistence/schedules/schedule-history.ts";
import { findSchedule } from "../../persistence/schedules/schedules.ts";
import { principalsOf } from "../principals-of.ts";

export type ExplainedSlot = SlotRecord & { explanation: string };

export type ReadHistory = (actor: Actor, id: string, page: HistoryPage) => Promise<ExplainedSlot[]>;

/** Newest first. Throws `not_found` and `forbidden`. */
export function createReadHistory({ database }: { database: Database }): ReadHistory {
  return (actor, id, page) =>
    database.transaction(principalsOf(actor), async (tx) => {
      const schedule = await findSchedule(tx, id);
      if (!schedule) throw notFound("schedule");
      authorize(actor, "schedule:read", schedule);
      const slots = await listHistory(tx, id, page);
      const paused = { isPaused: !schedule.enabled };
      return slots.map((slot) => ({ ...slot, explanation: explainSlot(slot, paused) }));
    });
}
