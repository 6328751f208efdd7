// bull-board's own list of the routes that change something, and requests that would do it.
import { createRequire } from "node:module";
import { v7 as uuidv7 } from "uuid";
import { QUEUE_NAME } from "#core/queue/queue-backend.ts";

export type BoardRoute = { method: string; route: string };
/** As bull-board itself lists them, so that a new version's new routes are tested the day it is installed. */
export function listMutatingRoutes(): BoardRoute[] {
  const { appRoutes, buildHistoryRoutes } = createRequire(import.meta.url)("@bull-board/api/dist/routes.js");
  const all: BoardRoute[] = [...appRoutes.api, ...buildHistoryRoutes({}, { canPurge: true })];
  return all.filter(({ method }) => method !== "get");
}

/** Routes a writing administrator may use, in an order in which each finds what it needs. */
export const HARMLESS_ROUTES = [
  "/api/queues/pause",
  "/api/queues/resume",
  "/api/queues/:queueName/pause",
  "/api/queues/:queueName/resume",
  "/api/queues/:queueName/:jobId/retry",
  "/api/queues/:queueName/:jobId/promote",
  "/api/queues/:queueName/:jobId/clean",
  "/api/queues/:queueName/retry/:queueStatus",
  "/api/queues/:queueName/promote",
  "/api/queues/:queueName/clean/:queueStatus",
];

export const boardPath = (route: string, job: string) =>
  `/queues${route}`
    .replace(":queueName", QUEUE_NAME)
    .replace(":jobId", job)
    .replace(":queueStatus", "failed")
    .replace(":schedulerId", "s1");

export const boardBodies: Record<string, unknown> = {
  "/api/queues/:queueName/add": { name: "execution", data: { executionId: uuidv7() }, options: {} },
  "/api/queues/:queueName/:jobId/update-data": { jobData: { executionId: uuidv7() } },
  "/api/queues/:queueName/obliterate": { force: true },
  "/api/queues/:queueName/concurrency": { concurrency: 1 },
  "/api/queues/:queueName/rate-limit": { max: 1, duration: 1_000 },
  "/api/queues/:queueName/:jobId/priority": { priority: 1 },
  "/api/queues/:queueName/:jobId/delay": { delay: 0 },
};
