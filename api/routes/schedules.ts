// /api/schedules: create, list, read, change and delete what runs by the clock.
import type { ScheduleService } from "#core/services/schedules/schedules.ts";
import { pageOf } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { replyPage } from "./id-page.ts";
import {
  createScheduleBody,
  listSchedulesQuery,
  scheduleSchema,
  scheduleSummarySchema,
  updateScheduleBody,
} from "./schedule-schemas.ts";

export function createScheduleRoutes({ schedules }: { schedules: ScheduleService }): Route[] {
  return [...createCollectionRoutes(schedules), ...createItemRoutes(schedules)];
}

function createCollectionRoutes(schedules: ScheduleService): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/schedules",
      summary: "Create a schedule; it runs in your name",
      tag: "Schedules",
      action: "schedule:write",
      body: createScheduleBody,
      replies: { 201: { description: "The schedule, with its next times", schema: scheduleSchema } },
      async handle({ actor, body: { cron = null, runAt = null, startAt = null, endAt = null, ...rest } }) {
        const schedule = await schedules.create(actor, { ...rest, cron, runAt, startAt, endAt });
        return { status: 201, headers: { location: `/api/schedules/${schedule.id}` }, body: schedule };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/schedules",
      summary: "List schedules, newest first, without their inputs",
      tag: "Schedules",
      action: "schedule:read",
      query: listSchedulesQuery,
      replies: { 200: { description: "A page of schedules", schema: pageOf(scheduleSummarySchema) } },
      handle: ({ actor, query: { limit, cursor, enabled, overdue, ...filter } }) =>
        replyPage({ limit, cursor }, (page) =>
          schedules.list(actor, { ...filter, ...page, enabled: isTrue(enabled), overdue: isTrue(overdue) }),
        ),
    }),
  ];
}

const isTrue = (word: "true" | "false" | undefined) => (word === undefined ? undefined : word === "true");

function createItemRoutes(schedules: ScheduleService): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/schedules/:id",
      summary: "Read a schedule, with its next times",
      tag: "Schedules",
      action: "schedule:read",
      params: idParams,
      replies: { 200: { description: "The schedule", schema: scheduleSchema } },
      handle: async ({ actor, params }) => ({ status: 200, body: await schedules.get(actor, params.id) }),
    }),
    defineRoute({
      method: "patch",
      path: "/api/schedules/:id",
      summary: "Change a schedule, or pause it; it keeps its owner",
      tag: "Schedules",
      action: "schedule:write",
      params: idParams,
      body: updateScheduleBody,
      replies: { 200: { description: "The schedule as it is now", schema: scheduleSchema } },
      async handle({ actor, params, body }) {
        return { status: 200, body: await schedules.update(actor, params.id, body) };
      },
    }),
    defineRoute({
      method: "delete",
      path: "/api/schedules/:id",
      summary: "Delete a schedule and its history; what it has started runs on",
      tag: "Schedules",
      action: "schedule:write",
      params: idParams,
      replies: { 204: { description: "Deleted" } },
      async handle({ actor, params }) {
        await schedules.remove(actor, params.id);
        return { status: 204 };
      },
    }),
  ];
}
