// /api/admin/workers: which workers there are, and which of them can be heard.
import { z } from "zod";
import type { WorkerService } from "#core/services/executions/list-workers.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { replyPage } from "./id-page.ts";

const time = z.iso.datetime();

const workerSchema = z.object({
  id: z.uuid(),
  host: z.string(),
  pid: z.int(),
  concurrency: z.int(),
  running: z.int().describe("Executions in hand, as of the last beat"),
  state: z.enum(["alive", "silent", "stopped"]).describe("silent: no beat for 8 s and no goodbye"),
  startedAt: time,
  heartbeatAt: time,
  stoppedAt: time.nullable(),
});

export function createWorkerRoutes({ workers }: { workers: WorkerService }): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/admin/workers",
      summary: "The worker processes of this instance, newest first",
      tag: "Administration",
      action: "instance:admin",
      query: z.strictObject(pageQuery),
      replies: { 200: { description: "A page of workers", schema: pageOf(workerSchema) } },
      handle: ({ query }) => replyPage(query, (page) => workers.list(page)),
    }),
  ];
}
