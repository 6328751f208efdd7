// A worker in the test's own process: claims and runs what it is told to, with nodes that do what the test says.
import { v7 as uuidv7 } from "uuid";
import { createLogger } from "#core/logger.ts";
import type { Database } from "#core/persistence/database.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import { recoverExecutions } from "#core/services/executions/recover-executions.ts";
import { createClaimGate } from "../../worker/claim-gate.ts";
import { createApprovalSource } from "../../worker/create-approval-source.ts";
import { createChildSource } from "../../worker/create-child-source.ts";
import { createRunStore } from "../../worker/create-run-store.ts";
import { createIsolation } from "../../worker/isolation.ts";
import { createProcessor } from "../../worker/process-executions.ts";
import { createRunningExecutions, type RunningExecutions } from "../../worker/running-executions.ts";
import { createWorkflowCache } from "../../worker/workflow-cache.ts";
import { type Behaviour, testEngine } from "./engine.ts";
import type { ExecutionBed } from "./executions.ts";

export type InlineWorker = {
  database: Database;
  /** Claims and runs this execution, if it is to be had. */
  handle(executionId: string): Promise<void>;
  running: RunningExecutions;
  /** Recovers, then runs at once what is queued: what is due, or all of it. Resolves with how many there were. */
  runQueued(which?: "due" | "all"): Promise<number>;
};

export type InlineWorkerOptions = {
  bed: ExecutionBed;
  queue: ExecutionQueue;
  /** What nodes of the types test.* do, by id; may be added to later. */
  behaviours: Readonly<Record<string, Behaviour>>;
  maxConnections?: number;
  onError?: (error: unknown) => void;
};

/** Holds no leases: those of its claims run out after 8 s. The bed closes its connections. */
export function createInlineWorker(options: InlineWorkerOptions): InlineWorker {
  const { bed, queue, behaviours, maxConnections, onError = () => {} } = options;
  const database = bed.open("atelier_worker", maxConnections);
  const scheduler = bed.open("atelier_scheduler", maxConnections);
  const { engine, catalogue } = testEngine(createRunStore(database), behaviours);
  const running = createRunningExecutions();
  const handle = createProcessor({
    database,
    queue,
    gate: createClaimGate({ database, workerId: uuidv7(), queue, onClaimed: () => {}, onError }),
    leases: { hold: () => {}, drop: () => {}, stop: async () => {} },
    isolation: createIsolation(),
    workflows: createWorkflowCache(database, catalogue),
    running,
    engine: { ...engine, children: createChildSource(database), approvals: createApprovalSource(database) },
    logger: createLogger("worker", "silent"),
  });
  return {
    database,
    handle,
    running,
    async runQueued(which = "due") {
      await recoverExecutions(scheduler, queue);
      const { rows } = await bed.admin.query(
        `select id from workflow_executions where status = 'queued' and ($1 or available_at <= now())`,
        [which === "all"],
      );
      await Promise.all(rows.map((row) => handle(row.id)));
      return rows.length;
    },
  };
}
