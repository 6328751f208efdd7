// The worker: takes executions from the queue and runs them.
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { type Config, loadConfig } from "#core/config.ts";
import { BUSY } from "#core/domain/bands.ts";
import { armCrashPoint } from "#core/domain/crash-points.ts";
import { startHealthServer } from "#core/health-server.ts";
import { createLogger, type Logger } from "#core/logger.ts";
import { nodeDefinitions } from "#core/nodes/definitions.ts";
import { nodeRunners } from "#core/nodes/runners.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { hasBacklog } from "#core/persistence/executions/backlog.ts";
import type { DueExecution } from "#core/persistence/executions/rings.ts";
import { isBeating, recordStop, registerWorker } from "#core/persistence/executions/workers.ts";
import { consumeBells } from "#core/queue/bell-consumer.ts";
import { toRing } from "#core/queue/bells.ts";
import { createExecutionQueue, type ExecutionQueue } from "#core/queue/execution-queue.ts";
import { checkBackend, chooseBackend } from "#core/queue/queue-backend.ts";
import { checkFoundations } from "#core/services/check-foundations.ts";
import { endAbruptly, runRole, type Stop } from "#core/shutdown.ts";
import { loadTracing } from "#core/telemetry/load-tracing.ts";
import { countDropped, countRings } from "#core/telemetry/ring-metrics.ts";
import { createBehindQueues } from "./behind-queues.ts";
import { buildCredentials } from "./build-credentials.ts";
import { buildMetrics } from "./build-metrics.ts";
import { buildNetwork } from "./build-network.ts";
import { buildSandboxes } from "./build-sandboxes.ts";
import { createClaimGate } from "./claim-gate.ts";
import { createApprovalSource } from "./create-approval-source.ts";
import { createChildSource } from "./create-child-source.ts";
import { createRunStore } from "./create-run-store.ts";
import { hearEagerStarts } from "./hear-eager-starts.ts";
import { createIsolation, type Isolation } from "./isolation.ts";
import { createLeaseKeeper, type LeaseKeeper, type LeaseKeeperOptions } from "./lease-keeper.ts";
import { listenForRings } from "./listen-for-rings.ts";
import { createProcessor } from "./process-executions.ts";
import { createRunningExecutions, type RunningExecutions } from "./running-executions.ts";
import { createSlots, type Slots } from "./slots.ts";
import { createBellTaker } from "./take-bells.ts";
import type { ClaimWatchTimes } from "./watch-claims.ts";
import { createWorkflowCache } from "./workflow-cache.ts";

/** How long a stopping worker lets executions finish before it hands them back, in milliseconds. */
const FINISH_MS = 15_000;
const PAUSE_MS = 3_000;
/** A worker that gives up may take so long to let go of what it runs. */
const GIVE_UP_MS = 24_000;
/** The lease thread beats every 2 s; silent for so long, this worker keeps no lease. */
const SILENT_SECONDS = 10;
/** What tests bend; a deployment has configuration only. */
export type WorkerOverrides = { claimWatch?: ClaimWatchTimes; exit?: (code: number) => void };

/** Takes executions until the stop it resolves to is called. */
export async function startWorker(
  config: Config,
  logger: Logger,
  { claimWatch = {}, exit = process.exit }: WorkerOverrides = {},
): Promise<Stop> {
  const workerId = config.workerId ?? uuidv7();
  const onError = (error: unknown) => logger.warn({ err: error }, "connection lost, reconnecting");
  const { databaseUrl, workerConcurrency: concurrency } = config;
  const { database, backend } = await openFoundations(config, onError);
  await registerWorker(database, { id: workerId, host: hostname(), pid: process.pid, concurrency });

  const running = createRunningExecutions();
  const leases = keepLeases({ databaseUrl, workerId, logger }, running, exit);
  const { evaluator, scripts, close: closeSandboxes } = buildSandboxes();
  const network = buildNetwork(config);
  const credentials = buildCredentials(config, database, network.http);
  const tracing = await openTraces(config, logger);
  const traceRun = tracing?.run;
  const { registry, observeCommits, watch } = buildMetrics({ database, running, logger, traceRun });
  const queue = countRings(createExecutionQueue(backend, onError), registry);
  const line = { backend, ...createBehindQueues(), onDropped: countDropped(registry) };
  const ring = ringing(queue, onError);
  const store = createRunStore(database, logger, observeCommits("journal"), ring, workerId);
  const [children, approvals] = [createChildSource(database), createApprovalSource(database)];
  const slots = createSlots(concurrency);
  const isolation = createIsolation({ onShut: slots.shut });
  const shared = { database, workerId, queue, onError };
  const answer = createProcessor({
    ...shared,
    gate: createClaimGate({ ...shared, onClaimed: leases.hold, observe: observeCommits("claims") }),
    leases,
    isolation,
    workflows: createWorkflowCache(database, { definitions: nodeDefinitions, runners: nodeRunners }),
    running,
    engine: { store, evaluator, ports: { ...network, scripts }, credentials, children, approvals },
    watch,
    logger,
  });
  const bells = createBellTaker({ ...shared, slots, answer });
  const consumer = await listenForRings({
    open: (handle) => consumeBells({ ...line, awaitRoom: slots.awaitFree, handle, onError }),
    handle: bells.take,
    hasBacklog: (ofBusy) => hasBacklog(database, ofBusy ? { from: BUSY } : { below: BUSY }),
    hasRoom: slots.hasRoom,
    giveUp() {
      setTimeout(() => exit(1), GIVE_UP_MS).unref();
      void stop().finally(() => exit(1));
    },
    logger,
    onError,
    ...claimWatch,
  });
  const eagerStarts = await hearEagerStarts({ ...shared, ...line, slots, answer });
  const health = await startHealthServer({
    host: config.host,
    port: config.healthPort,
    ready: async () => consumer.isClaiming() && (await isBeating(database, workerId, SILENT_SECONDS)),
    metrics: registry,
    ...(claimWatch.lookMs === undefined ? {} : { probeEveryMs: claimWatch.lookMs }),
  });
  logger.info({ workerId, queue: backend.kind, concurrency }, "worker is ready");

  const stop = async () => {
    await health.stop();
    await drain([consumer.stop, eagerStarts.close], slots, isolation, running);
    await Promise.all([store.drain(), credentials.drain(), bells.drain()]);
    await leases.stop();
    await recordStop(database, workerId).catch(onError);
    await Promise.all([queue.close(), network.http.close(), closeSandboxes()]);
    await Promise.all([database.close(), tracing?.close()]);
  };
  return stop;
}

async function openFoundations(config: Config, onError: (error: Error) => void) {
  const { databaseUrl, redisUrl } = config;
  const database = createDatabase({ databaseUrl, role: "atelier_worker", maxConnections: 6, onError });
  const backend = chooseBackend({ redisUrl, databaseUrl, role: "atelier_worker" });
  await checkFoundations(database, config.encryptionKeys);
  await checkBackend(backend);
  return { database, backend };
}

function openTraces(config: Config, logger: Logger) {
  return loadTracing({
    endpoint: config.traceEndpoint,
    role: "worker",
    onUndelivered: (error) => logger.warn({ err: error }, "traces cannot be delivered; this is said once"),
  });
}

function keepLeases(
  options: Pick<LeaseKeeperOptions, "databaseUrl" | "workerId" | "logger">,
  running: RunningExecutions,
  exit: (code: number) => void,
): LeaseKeeper {
  return createLeaseKeeper({
    ...options,
    onLost: running.lose,
    onCancelled: running.cancel,
    onDead(error) {
      options.logger.fatal({ err: error }, "the lease thread died, restarting");
      exit(1);
    },
  });
}

/** Takes nothing more, lets what runs finish, and hands back the rest. */
async function drain(
  stopHearing: readonly (() => Promise<void>)[],
  slots: Slots,
  isolation: Isolation,
  running: RunningExecutions,
): Promise<void> {
  // A queue that does not answer must not keep executions from being handed back.
  await Promise.race([
    Promise.all(stopHearing.map((stop) => stop())),
    delay(PAUSE_MS, undefined, { ref: false }),
  ]);
  slots.stop();
  isolation.stop();
  await running.whenIdle(FINISH_MS);
  running.handBack();
  await running.whenIdle(FINISH_MS / 3);
}

if (import.meta.main) {
  const logger = createLogger("worker", "info");
  await runRole(logger, () => {
    const config = loadConfig("worker");
    logger.level = config.logLevel;
    armCrashPoint(config.crashAt, endAbruptly);
    return startWorker(config, logger);
  });
}

/** Rings without being waited for: a ring that is lost is rung again by recovery. */
function ringing(queue: ExecutionQueue, onError: (error: Error) => void) {
  return (queued: readonly DueExecution[]) => {
    queue.ring(queued.map(toRing)).catch(onError);
  };
}
