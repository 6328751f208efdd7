// /api/schedules/…: what a schedule will do, what it did, and runs that people ask for.
import { z } from "zod";
import type { PreviewService } from "#core/services/schedules/preview-slots.ts";
import type { ReadHistory } from "#core/services/schedules/read-history.ts";
import type { ScheduleStarter } from "#core/services/schedules/start-by-hand.ts";
import { pageOf } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { replyPage } from "./id-page.ts";
import {
  backfillBody,
  backfilledSchema,
  historyEntrySchema,
  historyQuery,
  previewBody,
  previewQuery,
  previewSchema,
} from "./schedule-schemas.ts";

export type ScheduleRunDependencies = {
  schedulePreview: PreviewService;
  scheduleHistory: ReadHistory;
  scheduleStarter: ScheduleStarter;
};

export function createScheduleRunRoutes(dependencies: ScheduleRunDependencies): Route[] {
  return [
    ...createPreviewRoutes(dependencies),
    createHistoryRoute(dependencies),
    ...createStartRoutes(dependencies),
  ];
}

function createPreviewRoutes({ schedulePreview }: ScheduleRunDependencies): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/schedules/preview",
      summary: "The next times a schedule would have; saves nothing",
      tag: "Schedules",
      action: "schedule:read",
      body: previewBody,
      replies: { 200: { description: "From startAt or now on", schema: previewSchema } },
      async handle({ body: { count, timezone, cron = null, runAt = null, startAt = null, endAt = null } }) {
        const next = await schedulePreview.ofTiming({ cron, runAt, timezone, startAt, endAt }, count);
        return { status: 200, body: { next } };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/schedules/:id/preview",
      summary: "The next times of a schedule, also while it is paused",
      tag: "Schedules",
      action: "schedule:read",
      params: idParams,
      query: previewQuery,
      replies: { 200: { description: "From startAt or now on", schema: previewSchema } },
      async handle({ actor, params, query }) {
        const next = await schedulePreview.ofSchedule(actor, params.id, query.count);
        return { status: 200, body: { next } };
      },
    }),
  ];
}

function createHistoryRoute({ scheduleHistory }: ScheduleRunDependencies): Route {
  return defineRoute({
    method: "get",
    path: "/api/schedules/:id/history",
    summary: "Every fire and every skip of a schedule, newest first, each explained",
    tag: "Schedules",
    action: "schedule:read",
    params: idParams,
    query: historyQuery,
    replies: { 200: { description: "A page of its history", schema: pageOf(historyEntrySchema) } },
    handle: ({ actor, params, query: { limit, cursor, outcome } }) =>
      replyPage({ limit, cursor }, (page) => scheduleHistory(actor, params.id, { ...page, outcome })),
  });
}

function createStartRoutes({ scheduleStarter }: ScheduleRunDependencies): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/schedules/:id/trigger",
      summary: "Run it now, whatever its times, its pause or its overlap say",
      tag: "Schedules",
      action: "schedule:run",
      params: idParams,
      replies: { 202: { description: "Accepted", schema: z.object({ executionId: z.uuid() }) } },
      async handle({ actor, params }) {
        const started = await scheduleStarter.trigger(actor, params.id);
        const headers = { location: `/api/executions/${started.executionId}` };
        return { status: 202, headers, body: started };
      },
    }),
    defineRoute({
      method: "post",
      path: "/api/schedules/:id/backfill",
      summary: "Run it once for each slot of a time in the past that has not fired, up to 1,000",
      tag: "Schedules",
      action: "schedule:run",
      params: idParams,
      body: backfillBody,
      replies: { 202: { description: "All of them or none", schema: backfilledSchema } },
      async handle({ actor, params, body }) {
        return { status: 202, body: await scheduleStarter.backfill(actor, params.id, body) };
      },
    }),
  ];
}
