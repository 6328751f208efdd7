// The worker: takes executions from the queue and runs them.
import { hostname } from "node:os";
import { v7 as uuidv7 } from "uuid";
import { type Config, loadConfig } from "#core/config.ts";
import { startHealthServer } from "#core/health-server.ts";
import { createLogger, type Logger } from "#core/logger.ts";
import { nodeDefinitions } from "#core/nodes/definitions.ts";
import { nodeRunners } from "#core/nodes/runners.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { isBeating, recordStop, registerWorker } from "#core/persistence/executions/workers.ts";
import { consumeBells } from "#core/queue/bell-consumer.ts";
import { createExecutionQueue } from "#core/queue/execution-queue.ts";
import { checkBackend, chooseBackend } from "#core/queue/queue-backend.ts";
import { checkFoundations } from "#core/services/check-foundations.ts";
import { runRole, type Stop } from "#core/shutdown.ts";
import { buildCredentials } from "./build-credentials.ts";
import { buildNetwork } from "./build-network.ts";
import { buildSandboxes } from "./build-sandboxes.ts";
import { createClaimGate } from "./claim-gate.ts";
import { createRunStore } from "./create-run-store.ts";
import { createIsolation } from "./isolation.ts";
import { createLeaseKeeper } from "./lease-keeper.ts";
import { createProcessor } from "./process-executions.ts";
import { createRunningExecutions, type RunningExecutions } from "./running-executions.ts";
import { createSlots } from "./slots.ts";
import { createWorkflowCache } from "./workflow-cache.ts";

/** How long a stopping worker lets executions finish before it hands them back, in milliseconds. */
const FINISH_MS = 15_000;
/** The lease thread beats every 2 s; silent for so long, this worker keeps no lease. */
const SILENT_SECONDS = 10;

const logger = createLogger("worker", "info");
await runRole(logger, () => {
  const config = loadConfig("worker");
  logger.level = config.logLevel;
  return startWorker(config, logger);
});

async function startWorker(config: Config, logger: Logger): Promise<Stop> {
  const workerId = config.workerId ?? uuidv7();
  const onError = (error: Error) => logger.warn({ err: error }, "connection lost, reconnecting");
  const database = createDatabase({
    databaseUrl: config.databaseUrl,
    role: "atelier_worker",
    maxConnections: 6,
    onError,
  });
  const backend = chooseBackend({
    redisUrl: config.redisUrl,
    databaseUrl: config.databaseUrl,
    role: "atelier_worker",
  });
  await checkFoundations(database, config.encryptionKeys);
  await checkBackend(backend);
  await registerWorker(database, {
    id: workerId,
    host: hostname(),
    pid: process.pid,
    concurrency: config.workerConcurrency,
  });

  const running = createRunningExecutions();
  const leases = keepLeases(config.databaseUrl, workerId, running, logger);
  const { evaluator, scripts, close: closeSandboxes } = buildSandboxes();
  const network = buildNetwork(config);
  const credentials = buildCredentials(config, database, network.http);
  const store = createRunStore(database, logger);
  const queue = createExecutionQueue(backend, onError);
  const slots = createSlots(config.workerConcurrency);
  const answer = createProcessor({
    database,
    queue,
    gate: createClaimGate(database, workerId, leases.hold),
    leases,
    isolation: createIsolation(),
    workflows: createWorkflowCache(database, { definitions: nodeDefinitions, runners: nodeRunners }),
    running,
    engine: { store, evaluator, ports: { ...network, scripts }, credentials },
    logger,
  });
  const consumer = await consumeBells({
    backend,
    awaitRoom: slots.awaitFree,
    handle: (executionIds) => {
      for (const id of executionIds) void slots.run(() => answer(id));
    },
    onError,
  });
  const health = await startHealthServer({
    host: config.host,
    port: config.healthPort,
    ready: () => isBeating(database, workerId, SILENT_SECONDS),
  });
  logger.info({ workerId, queue: backend.kind, concurrency: config.workerConcurrency }, "worker is ready");

  return async () => {
    await health.stop();
    await consumer.stop();
    slots.stop();
    await running.whenIdle(FINISH_MS);
    running.handBack();
    await running.whenIdle(FINISH_MS / 3);
    await Promise.all([store.drain(), credentials.drain()]);
    await leases.stop();
    await recordStop(database, workerId).catch(onError);
    await Promise.all([queue.close(), network.http.close(), closeSandboxes()]);
    await database.close();
  };
}

function keepLeases(databaseUrl: string, workerId: string, running: RunningExecutions, logger: Logger) {
  return createLeaseKeeper({
    databaseUrl,
    workerId,
    logger,
    onLost: running.lose,
    onCancelled: running.cancel,
    onDead(error) {
      logger.fatal({ err: error }, "the lease thread died, restarting");
      process.exit(1);
    },
  });
}
