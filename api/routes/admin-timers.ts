// /api/admin/timers: when the platform's own timers last did their work, and which should have since.
import { z } from "zod";
import type { TimerService } from "#core/services/timers/list-timers.ts";
import { defineRoute, type Route } from "../routing/route.ts";

const time = z.iso.datetime().nullable();

const timerSchema = z.object({
  name: z.string(),
  cron: z.string().describe("In UTC"),
  lastSuccessAt: time.describe("In whichever scheduler"),
  lastSeconds: z.number().nullable().describe("How long that took"),
  lastFailureAt: time,
  lastError: z.string().nullable().describe("Of the last failure, also when it has succeeded since"),
  failures: z.int(),
  nextAt: time,
  lagSeconds: z.number().describe("Since it should have run after its last success; 0: nothing is late"),
  overdue: z.boolean().describe("Late by more than 15 minutes"),
});

export function createTimerRoutes({ timers }: { timers: TimerService }): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/admin/timers",
      summary: "The platform's own timers: retention, sweeps, partitions",
      tag: "Administration",
      action: "instance:admin",
      replies: {
        200: {
          description: "All of them, by name",
          schema: z.object({ items: z.array(timerSchema), nextCursor: z.null() }),
        },
      },
      async handle() {
        const items = (await timers.list()).map(({ lastSuccessMs: _ms, ...timer }) => timer);
        return { status: 200, body: { items, nextCursor: null } };
      },
    }),
  ];
}
