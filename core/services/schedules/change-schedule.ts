// Changes a schedule: one edit at a time, at once, and without firing any slot twice.
import { AppError } from "../../domain/app-error.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import type { Executor } from "../../persistence/database.ts";
import { findTakenFrom } from "../../persistence/schedules/fires-by-hand.ts";
import { holdWorkflow, type ScheduledWorkflow } from "../../persistence/schedules/scheduled-workflows.ts";
import {
  findSchedule,
  lockSchedule,
  readClock,
  type Schedule,
  updateSchedule,
} from "../../persistence/schedules/schedules.ts";
import { principalsOf } from "../principals-of.ts";
import { auditSchedule } from "./audit-schedule.ts";
import { checkDraft, workflowArchived } from "./check-draft.ts";
import { giveUpDue } from "./give-up-due.ts";
import { fault, firstSlot, timetableOf } from "./judge-timing.ts";
import {
  changedFields,
  type Merged,
  mergeChange,
  type ScheduleChange,
  touchesTiming,
} from "./merge-change.ts";
import { type ScheduleView, viewSchedule } from "./schedule-view.ts";
import type { ScheduleDependencies } from "./schedules.ts";

/** Throws as the service says. */
export async function changeSchedule(
  { database }: ScheduleDependencies,
  actor: Actor,
  id: string,
  change: ScheduleChange,
): Promise<ScheduleView> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const { schedule, workflow } = await hold(tx, actor, id, change.workflowId);
    const merged = mergeChange(schedule, change);
    const fields = changedFields(schedule, merged);
    const now = await readClock(tx);
    if (fields.length === 0) return viewSchedule(schedule, now);
    if (merged.enabled && !workflow) throw workflowArchived();
    if (
      workflow &&
      fields.some((field) => field === "trigger" || field === "workflowId" || field === "input")
    ) {
      await checkDraft(tx, workflow, merged);
    }
    const nextRunAt = await decideNextRun(tx, schedule, merged, { now, isRetimed: touchesTiming(fields) });
    await updateSchedule(tx, { ...merged, id, nextRunAt });
    const saved = await findSchedule(tx, id);
    if (!saved) throw notFound("schedule");
    const { revision, ownerId } = saved;
    const details = {
      fields,
      revision,
      ownerId,
      cron: saved.cron,
      runAt: saved.runAt,
      enabled: saved.enabled,
    };
    await auditSchedule(tx, actor, saved, "schedule.updated", details);
    return viewSchedule(saved, now);
  });
}

/** The workflow first, as whoever archives it does: in another order the two would wait for each other. */
async function hold(
  tx: Executor,
  actor: Actor,
  id: string,
  toWorkflow: string | undefined,
): Promise<{ schedule: Schedule; workflow: ScheduledWorkflow | null }> {
  const seen = await findSchedule(tx, id);
  if (!seen) throw notFound("schedule");
  authorize(actor, "schedule:write", seen);
  const workflow = await holdWorkflow(tx, toWorkflow ?? seen.workflowId);
  if (toWorkflow !== undefined) requireNeighbour(workflow, seen);
  const schedule = await lockSchedule(tx, id);
  if (!schedule) throw notFound("schedule");
  if (toWorkflow === undefined && schedule.workflowId !== seen.workflowId) {
    throw new AppError("conflict", "Somebody else has just changed this schedule; read it and try again", {
      retryable: true,
    });
  }
  return { schedule, workflow };
}

function requireNeighbour(workflow: ScheduledWorkflow | null, { workspaceId }: Schedule): void {
  if (!workflow) throw notFound("workflow");
  if (workflow.workspaceId === workspaceId) return;
  throw fault("invalid_request", "workflowId", "The workflow must be of the schedule's own workspace");
}

/** Times that have not changed keep the slot that comes next, also when it is due already. */
async function decideNextRun(
  tx: Executor,
  schedule: Schedule,
  merged: Merged,
  { now, isRetimed }: { now: number; isRetimed: boolean },
): Promise<string | null> {
  if (isRetimed) timetableOf(merged);
  if (!merged.enabled) {
    await giveUpDue(tx, schedule, { now, reason: "paused" });
    return null;
  }
  if (schedule.enabled && !isRetimed) return schedule.nextRunAt;
  const first = new Date(firstSlot(merged, { now, toleranceMs: merged.toleranceMs })).toISOString();
  if (first !== schedule.nextRunAt) await giveUpDue(tx, schedule, { now, reason: "edited" });
  return firstFree(merged, first, await findTakenFrom(tx, schedule.id, first));
}

/** A slot to come can have fired: what was made up for, what the old times had too, or when the clock has stepped back. */
function firstFree(merged: Merged, first: string, taken: ReadonlySet<number>): string | null {
  const timetable = timetableOf(merged);
  let slot: number | null = Date.parse(first);
  while (slot !== null && taken.has(slot)) slot = timetable.next(slot);
  return slot === null ? null : new Date(slot).toISOString();
}
