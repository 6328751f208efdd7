// What schedules look like on the wire.
import { z } from "zod";
import { FIRE_KINDS, FIRE_OUTCOMES, MISFIRES, OVERLAPS } from "#core/domain/schedules/schedule.ts";
import { instant } from "../routing/instant.ts";
import { pageQuery } from "../routing/pagination.ts";

const time = z.iso.datetime();
const TEN_YEARS_MS = 10 * 366 * 86_400_000;

// What is wrong with their content is said by the timetable, by name.
const cron = z
  .string()
  .max(1_000)
  .describe("Five fields, or six with seconds first; at least 5 s between two slots. Either cron or runAt");
const timezone = z.string().max(200).describe("An IANA name such as Europe/Berlin");
const name = z.string().trim().max(200);
const trigger = z
  .string()
  .max(100)
  .nullable()
  .describe("The trigger node to start at; null: the workflow's own");
const misfire = z
  .enum(MISFIRES)
  .describe(
    "What becomes of slots nobody was there for: none of them, the newest, or all of them are made up for",
  );
const overlap = z
  .enum(OVERLAPS)
  .describe("While the execution before has not ended: run beside it, skip, wait for it, or cancel it");
const startAt = instant.describe("Slots before this do not count; this one does");
const endAt = instant.describe("Slots after this do not count; this one does");
const runAt = instant.describe("Once, at this time");
const toleranceMs = z.int().min(1_000).max(86_400_000).describe("A slot that is later than this is missed");
const maxLatenessMs = z
  .int()
  .min(1)
  .max(TEN_YEARS_MS)
  .nullable()
  .describe("What is later than this is not made up for; null: however late");

const timing = {
  cron: cron.optional(),
  runAt: runAt.optional(),
  timezone: timezone.default("UTC"),
  startAt: startAt.optional(),
  endAt: endAt.optional(),
};
const count = z.int().min(1).max(200);

export const createScheduleBody = z.strictObject({
  workflowId: z.uuid(),
  ...timing,
  name: name.default(""),
  trigger: trigger.default(null),
  input: z.unknown().default({}),
  misfire: misfire.default("once"),
  overlap: overlap.default("allow"),
  enabled: z.boolean().default(true),
  toleranceMs: toleranceMs.default(60_000),
  maxLatenessMs: maxLatenessMs.default(null),
});

export const updateScheduleBody = z.strictObject({
  workflowId: z.uuid().optional().describe("Another one of the same workspace"),
  cron: cron.nullable().optional().describe("Takes the place of runAt"),
  runAt: runAt.nullable().optional().describe("Takes the place of cron"),
  timezone: timezone.optional(),
  startAt: startAt.nullable().optional(),
  endAt: endAt.nullable().optional(),
  name: name.optional(),
  trigger: trigger.optional(),
  input: z.unknown().optional(),
  misfire: misfire.optional(),
  overlap: overlap.optional(),
  enabled: z.boolean().optional().describe("false: a pause, whose slots are neither run nor missed"),
  toleranceMs: toleranceMs.optional(),
  maxLatenessMs: maxLatenessMs.optional(),
});

export const listSchedulesQuery = z.strictObject({
  ...pageQuery,
  workspaceId: z.uuid().optional(),
  workflowId: z.uuid().optional(),
  enabled: z.enum(["true", "false"]).optional(),
  overdue: z.enum(["true", "false"]).optional().describe("Late by more than their toleranceMs"),
});

export const previewBody = z.strictObject({ ...timing, count: count.default(5) });
export const previewQuery = z.strictObject({ count: z.coerce.number().pipe(count).default(5) });
export const previewSchema = z.object({ next: z.array(time) });

export const backfillBody = z.strictObject({
  from: instant,
  to: instant.describe("Both ends count; not later than now"),
});
export const backfilledSchema = z.object({
  fired: z.int().describe("Started by this call"),
  pending: z.int().describe("Started in their turn (overlap: queue)"),
  alreadyFired: z.int().describe("Slots that had fired, or wait for their turn: left alone"),
  from: time,
  to: time,
});

export const historyQuery = z.strictObject({
  ...pageQuery,
  outcome: z.enum(FIRE_OUTCOMES).optional(),
});
export const historyEntrySchema = z.object({
  id: z.uuid(),
  kind: z.enum(FIRE_KINDS),
  outcome: z.enum(FIRE_OUTCOMES),
  scheduledFor: time.describe("The slot, or the first of several"),
  through: time.nullable().describe("The last of several slots"),
  slots: z.int().nullable().describe("How many; null: too many to count"),
  reason: z.string().nullable().describe("Why they did not fire, for programs"),
  executionId: z.uuid().nullable().describe("What it started, or what was in its way"),
  version: z.int().nullable().describe("The version that ran"),
  askedBy: z.uuid().nullable().describe("Who triggered it or had it made up for; null: the clock"),
  at: time,
  explanation: z.string().describe("The same as one plain sentence"),
});

export const scheduleSummarySchema = z.object({
  id: z.uuid(),
  workspaceId: z.uuid(),
  workflowId: z.uuid(),
  ownerId: z.uuid().describe("In whose name it runs: who made it, whoever edits it"),
  editors: z
    .array(z.uuid())
    .describe(
      "Who else has changed what it starts, and who owned it before: requesters for excludeRequester",
    ),
  name: z.string(),
  cron: z.string().nullable(),
  runAt: time.nullable(),
  timezone: z.string(),
  startAt: time.nullable(),
  endAt: time.nullable(),
  trigger: z.string().nullable(),
  misfire: z.enum(MISFIRES),
  overlap: z.enum(OVERLAPS),
  enabled: z.boolean(),
  toleranceMs: z.int(),
  maxLatenessMs: z.int().nullable(),
  revision: z.int().describe("Counts the edits"),
  nextRunAt: time
    .nullable()
    .describe("The slot that comes, or is due, next; null while paused and when none is left"),
  next: z.array(time).describe("The next five times of its timetable, also while it is paused"),
  overdue: z.boolean().describe("The slot of nextRunAt is late by more than toleranceMs"),
  lateMs: z.int().describe("How late it is"),
  workflowArchived: z.boolean(),
  lastExecutionId: z.uuid().nullable().describe("What it started last by the clock or from its queue"),
  createdAt: time,
  updatedAt: time,
});
export const scheduleSchema = scheduleSummarySchema.extend({ input: z.unknown() });
