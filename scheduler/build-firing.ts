// Puts together what fires schedules in this scheduler, and its figures.
import type { Registry } from "prom-client";
import type { Config } from "#core/config.ts";
import type { Logger } from "#core/logger.ts";
import type { Database } from "#core/persistence/database.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import { createBacklogGuard } from "#core/services/executions/guard-backlogs.ts";
import { createFiring } from "#core/services/schedules/fire-due.ts";
import { type FiringLoop, startFiringLoop } from "./firing-loop.ts";
import { createFiringMetrics, type FiringMetrics } from "./firing-metrics.ts";

export type FiringOptions = {
  config: Config;
  database: Database;
  queue: ExecutionQueue;
  logger: Logger;
  registry: Registry;
};

/** It fires from now on. `report` takes what the census says of overdue schedules. */
export function buildFiring(options: FiringOptions): FiringLoop & { report: FiringMetrics["overdue"] } {
  const { config, database, queue, logger, registry } = options;
  const metrics = createFiringMetrics(registry);
  const firing = createFiring({
    database,
    queue,
    backlogs: createBacklogGuard(config.maxQueued),
    onRingFailed: (error) => logger.warn({ err: error }, "scheduled executions could not be rung yet"),
    onStuck: (error, scheduleId) =>
      logger.error({ err: error, scheduleId }, "schedule cannot fire, it is tried again"),
    onFired: metrics.fired,
  });
  return { ...startFiringLoop(firing, logger), report: metrics.overdue };
}
