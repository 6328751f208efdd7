// Schedules: make, list, read, change, delete. Times are judged by the database's clock.
import { createId } from "../../crypto/new-id.ts";
import { AppError } from "../../domain/app-error.ts";
import { legalHold } from "../../domain/legal-hold.ts";
import { type Actor, authorize, notFound, workspacesFor } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import { isHeld } from "../../persistence/identity/workspaces.ts";
import { countPending } from "../../persistence/schedules/fires-by-hand.ts";
import { holdWorkflow } from "../../persistence/schedules/scheduled-workflows.ts";
import {
  countSchedules,
  deleteSchedule,
  findSchedule,
  insertSchedule,
  type ListSchedules,
  listSchedules,
  lockSchedule,
  readClock,
  type ScheduleSettings,
} from "../../persistence/schedules/schedules.ts";
import { principalsOf } from "../principals-of.ts";
import { auditSchedule } from "./audit-schedule.ts";
import { changeSchedule } from "./change-schedule.ts";
import { checkDraft } from "./check-draft.ts";
import { firstSlot } from "./judge-timing.ts";
import type { ScheduleChange } from "./merge-change.ts";
import { type ScheduleSummaryView, type ScheduleView, viewSchedule, viewSchedules } from "./schedule-view.ts";

/** Of a workspace; the bound keeps what falls due at one moment within what a scheduler handles in seconds. */
export const MAX_SCHEDULES = 10_000;

export type NewScheduleDraft = ScheduleSettings & { input: unknown };
export type SchedulePage = Omit<ListSchedules, "workspaceIds"> & { workspaceId?: string | undefined };
export type ScheduleDependencies = { database: Database; maxSchedules?: number | undefined };
export type ScheduleService = ReturnType<typeof createScheduleService>;

/**
 * Every call throws `not_found` for what the actor cannot see and `forbidden` where the role is too small. Saving throws
 * the codes of the timetable, `run_at_past`, `schedule_window`, `invalid_trigger`, `too_many_schedules`,
 * `too_many_editors` and `workflow_archived`.
 */
export function createScheduleService(dependencies: ScheduleDependencies) {
  return {
    /** It runs in the actor's name from then on. */
    create: (actor: Actor, draft: NewScheduleDraft) => create(dependencies, actor, draft),
    list: (actor: Actor, page: SchedulePage) => list(dependencies, actor, page),
    get: (actor: Actor, id: string) => get(dependencies, actor, id),
    /** Whoever changes it, it keeps its owner. Slots that have fired do not fire again. */
    update: (actor: Actor, id: string, change: ScheduleChange) =>
      changeSchedule(dependencies, actor, id, change),
    /** Throws `legal_hold` where one stands: its history could not be read any more. It can be paused. */
    remove: (actor: Actor, id: string) => remove(dependencies, actor, id),
  };
}

async function create(
  { database, maxSchedules = MAX_SCHEDULES }: ScheduleDependencies,
  actor: Actor,
  draft: NewScheduleDraft,
): Promise<ScheduleView> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const workflow = await holdWorkflow(tx, draft.workflowId);
    if (!workflow) throw notFound("workflow");
    authorize(actor, "schedule:write", workflow);
    const now = await readClock(tx);
    const first = firstSlot(draft, { now, toleranceMs: draft.toleranceMs });
    await checkDraft(tx, workflow, draft);
    const { workspaceId } = workflow;
    if ((await countSchedules(tx, workspaceId)) >= maxSchedules) throw tooMany(maxSchedules);
    const nextRunAt = draft.enabled ? new Date(first).toISOString() : null;
    const id = createId();
    await insertSchedule(tx, { ...draft, id, workspaceId, ownerId: actor.userId, nextRunAt });
    const made = await findSchedule(tx, id);
    if (!made) throw notFound("workspace");
    const { name, workflowId, cron, runAt, timezone, enabled } = made;
    const details = { name, workflowId, cron, runAt, timezone, enabled };
    await auditSchedule(tx, actor, made, "schedule.created", details);
    return viewSchedule(made, now);
  });
}

async function list(
  { database }: ScheduleDependencies,
  actor: Actor,
  { workspaceId, ...page }: SchedulePage,
): Promise<ScheduleSummaryView[]> {
  if (workspaceId !== undefined) authorize(actor, "schedule:read", { workspaceId });
  const workspaceIds = workspaceId === undefined ? workspacesFor(actor, "schedule:read") : [workspaceId];
  const [now, rows] = await database.transaction(principalsOf(actor), (tx) =>
    Promise.all([readClock(tx), listSchedules(tx, { ...page, workspaceIds })]),
  );
  return viewSchedules(rows, now);
}

async function get({ database }: ScheduleDependencies, actor: Actor, id: string): Promise<ScheduleView> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const [now, schedule] = await Promise.all([readClock(tx), findSchedule(tx, id)]);
    if (!schedule) throw notFound("schedule");
    authorize(actor, "schedule:read", schedule);
    return viewSchedule(schedule, now);
  });
}

async function remove({ database }: ScheduleDependencies, actor: Actor, id: string): Promise<void> {
  await database.transaction(principalsOf(actor), async (tx) => {
    const schedule = await lockSchedule(tx, id);
    if (!schedule) throw notFound("schedule");
    authorize(actor, "schedule:write", schedule);
    if (await isHeld(tx, schedule.workspaceId)) throw legalHold();
    const { name, workflowId, cron, runAt, nextRunAt } = schedule;
    const pending = await countPending(tx, id);
    await deleteSchedule(tx, id);
    const details = { name, workflowId, cron, runAt, nextRunAt, pending };
    await auditSchedule(tx, actor, schedule, "schedule.deleted", details);
  });
}

function tooMany(limit: number): AppError {
  const detail = `This workspace has ${limit.toLocaleString("en-US")} schedules, as many as it may have; delete some first`;
  return new AppError("too_many_schedules", detail);
}
