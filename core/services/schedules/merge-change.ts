// A schedule with a change laid over it, and what the change touches.
import { jsonEqual } from "../../domain/json-equal.ts";
import type { Timing } from "../../domain/schedules/schedule.ts";
import type { Schedule, ScheduleSettings } from "../../persistence/schedules/schedules.ts";

/** Absent stays as it was; `cron` takes the place of `runAt` and the other way round. */
export type ScheduleChange = { [Key in keyof ScheduleSettings]?: ScheduleSettings[Key] | undefined } & {
  input?: unknown;
};

export type Merged = ScheduleSettings & { input: unknown };

export function mergeChange(current: Schedule, change: ScheduleChange): Merged {
  const { cron, runAt, ...rest } = change;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { ...settingsOf(current), ...given, ...exchange(current, { cron, runAt }) };
}

/** Whoever gives the one means it instead of the other; both, or neither, is for the timetable to refuse. */
function exchange(
  current: Timing,
  { cron, runAt }: { cron: string | null | undefined; runAt: string | null | undefined },
): { cron: string | null; runAt: string | null } {
  return {
    cron: cron === undefined ? (typeof runAt === "string" ? null : current.cron) : cron,
    runAt: runAt === undefined ? (typeof cron === "string" ? null : current.runAt) : runAt,
  };
}

function settingsOf(schedule: Schedule): Merged {
  return {
    workflowId: schedule.workflowId,
    name: schedule.name,
    cron: schedule.cron,
    runAt: schedule.runAt,
    timezone: schedule.timezone,
    startAt: schedule.startAt,
    endAt: schedule.endAt,
    trigger: schedule.trigger,
    input: schedule.input,
    misfire: schedule.misfire,
    overlap: schedule.overlap,
    enabled: schedule.enabled,
    toleranceMs: schedule.toleranceMs,
    maxLatenessMs: schedule.maxLatenessMs,
  };
}

/** Names of what the change changes, in the order of the settings. */
export function changedFields(current: Schedule, merged: Merged): (keyof Merged)[] {
  const before = settingsOf(current);
  const names = Object.keys(before) as (keyof Merged)[];
  return names.filter((name) => !jsonEqual(before[name], merged[name]));
}

const TIMING: ReadonlySet<keyof Merged> = new Set(["cron", "runAt", "timezone", "startAt", "endAt"]);

export const touchesTiming = (fields: readonly (keyof Merged)[]): boolean =>
  fields.some((field) => TIMING.has(field));
