// The scheduler: turns time into executions, and takes back what dead workers left.
import { type Config, loadConfig } from "#core/config.ts";
import { createAnchorSigner } from "#core/crypto/anchor-signer.ts";
import { armCrashPoint } from "#core/domain/crash-points.ts";
import { startHealthServer } from "#core/health-server.ts";
import { createLogger, type Logger } from "#core/logger.ts";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { openLockSession } from "#core/persistence/executions/recovery-session.ts";
import { createExecutionQueue } from "#core/queue/execution-queue.ts";
import { checkBackend, chooseBackend } from "#core/queue/queue-backend.ts";
import { createScheduleQueue } from "#core/queue/schedule-queue.ts";
import { createAnchorWriter } from "#core/services/audit/audit-anchors.ts";
import { checkFoundations } from "#core/services/check-foundations.ts";
import { purgeWorkspaces } from "#core/services/erasure/purge-workspaces.ts";
import { resumeErasures } from "#core/services/erasure/resume-erasures.ts";
import { recoverExecutions } from "#core/services/executions/recover-executions.ts";
import { takeCensus } from "#core/services/executions/take-census.ts";
import { retimeSchedules } from "#core/services/schedules/retime-schedules.ts";
import { takeOverdue } from "#core/services/schedules/take-overdue.ts";
import { listTimers } from "#core/services/timers/list-timers.ts";
import { registerTimers } from "#core/services/timers/run-timer.ts";
import { endAbruptly, runRole, type Stop } from "#core/shutdown.ts";
import { createProcessRegistry } from "#core/telemetry/process-metrics.ts";
import { countRings } from "#core/telemetry/ring-metrics.ts";
import { startAnchorLoop } from "./anchor-loop.ts";
import { buildFiring } from "./build-firing.ts";
import { buildMonthTry, buildTimers } from "./build-timers.ts";
import { startCensusLoop } from "./census-loop.ts";
import { startErasureLoop } from "./erasure-loop.ts";
import { startMonthLoop } from "./month-loop.ts";
import { startPurgeLoop } from "./purge-loop.ts";
import { startRecoveryLoop } from "./recovery-loop.ts";
import { startRetimeLoop } from "./retime-loop.ts";
import { createSchedulerMetrics } from "./scheduler-metrics.ts";
import { registerTimerMetrics } from "./timer-metrics.ts";

/** Recovery looks every second, also while another scheduler holds the lock, firing twice; a holder silent for so long loses it. */
const SILENT_MS = 10_000;
/** Anchors are looked after every half minute. */
const ANCHORS_SILENT_MS = 120_000;

const logger = createLogger("scheduler", "info");
await runRole(logger, () => {
  const config = loadConfig("scheduler");
  logger.level = config.logLevel;
  armCrashPoint(config.crashAt, endAbruptly);
  return startScheduler(config, logger);
});

async function startScheduler(config: Config, logger: Logger): Promise<Stop> {
  const { databaseUrl, redisUrl } = config;
  const onError = (error: Error) => logger.warn({ err: error }, "connection lost, reconnecting");
  const database = createDatabase({ databaseUrl, role: "atelier_scheduler", maxConnections: 6, onError });
  const backend = chooseBackend({ redisUrl, databaseUrl, role: "atelier_scheduler" });
  await checkFoundations(database, config.encryptionKeys);
  await checkBackend(backend);
  const registry = createProcessRegistry("scheduler", database.connections);
  const queue = countRings(createExecutionQueue(backend, onError), registry);

  await registerTimers(database);
  registerTimerMetrics(registry, () => listTimers(database));
  const handlers = buildTimers(database, logger);
  const months = await startMonthLoop(buildMonthTry(database, logger), logger);
  const timers = createScheduleQueue({ databaseUrl, role: "atelier_scheduler", onError });
  await timers.start(handlers);
  const metrics = createSchedulerMetrics(registry, () => recovery.lastPassAt());
  const openSession = async () => {
    const session = await openLockSession(database, "recovery", { silentMs: SILENT_MS });
    return { ...session, recover: () => recoverExecutions(session.executor, queue) };
  };
  const recovery = startRecoveryLoop(openSession, logger, metrics.recovered);
  const schedules = buildFiring({ config, database, queue, logger, registry });
  const census = startCensusLoop({
    isHolder: recovery.isHolder,
    take: () => Promise.all([takeCensus(database), takeOverdue(database)]),
    report(counted) {
      metrics.counted(counted?.[0] ?? null);
      schedules.report(counted?.[1] ?? null);
    },
    logger,
  });
  const retiming = startRetimeLoop((signal) => retimeSchedules(database, { signal }), logger);
  const purge = startPurgeLoop((signal) => purgeWorkspaces(database, { signal }), logger);
  const erasures = startErasureLoop((signal) => resumeErasures(database, { signal }), logger, registry);
  const anchors = startAnchors(config, database, logger, metrics.anchored);
  const health = await startHealthServer({
    host: config.host,
    port: config.healthPort,
    ready: () => Date.now() - Math.min(recovery.lastPassAt(), schedules.lastLookAt()) < SILENT_MS,
    metrics: registry,
  });
  logger.info({ queue: backend.kind }, "scheduler is ready");

  return async () => {
    await health.stop();
    await schedules.stop();
    await retiming.stop();
    await census.stop();
    await recovery.stop();
    await purge.stop();
    await erasures.stop();
    await anchors?.stop();
    await months.stop();
    await timers.close();
    await queue.close();
    await database.close();
  };
}

function startAnchors(
  config: Config,
  database: Database,
  logger: Logger,
  onWritten: (heads: number) => void,
) {
  const { auditAnchorDir: folder, encryptionKeys, reloadEncryptionKeys } = config;
  if (folder === undefined) {
    logger.warn(
      "AUDIT_ANCHOR_DIR is not set: the audit log's signed heads are kept nowhere outside the database, so whoever " +
        "rules the database could cut or rewrite a whole chain unnoticed",
    );
    return null;
  }
  const signer = () => createAnchorSigner(reloadEncryptionKeys?.() ?? encryptionKeys);
  const writer = createAnchorWriter({ folder, signer });
  return startAnchorLoop(
    async () => {
      const session = await openLockSession(database, "anchors", { silentMs: ANCHORS_SILENT_MS });
      return { ...session, write: () => writer.write(session.executor), forget: writer.forget };
    },
    logger,
    { onWritten },
  );
}
