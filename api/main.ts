// The API process: configuration, database, services, routes, server; stopped in the opposite order.
import { fileURLToPath } from "node:url";
import { type Config, loadConfig } from "#core/config.ts";
import { armCrashPoint } from "#core/domain/crash-points.ts";
import { createLogger, type Logger } from "#core/logger.ts";
import { commitCanary } from "#core/persistence/commit-canary.ts";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { openExecutionSignals } from "#core/persistence/executions/execution-signals.ts";
import { createExecutionQueue } from "#core/queue/execution-queue.ts";
import { checkBackend, chooseBackend } from "#core/queue/queue-backend.ts";
import { checkFoundations } from "#core/services/check-foundations.ts";
import { isRegistrationBlocked } from "#core/services/identity/signup-policy.ts";
import { endAbruptly, runRole } from "#core/shutdown.ts";
import { loadTracing } from "#core/telemetry/load-tracing.ts";
import { countRings } from "#core/telemetry/ring-metrics.ts";
import { createApp } from "./app.ts";
import { buildDefences, type DefenceOverrides } from "./build-defences.ts";
import { buildQueues } from "./build-queues.ts";
import { buildRoutes } from "./build-routes.ts";
import { buildServices, type ServiceDependencies } from "./build-services.ts";
import { type HttpServer, listen } from "./listen.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createPassport } from "./middleware/passport.ts";
import { startReadiness } from "./readiness.ts";
import { openStudio } from "./studio-pages.ts";

const STUDIO = fileURLToPath(new URL("../dashboards/studio/dist", import.meta.url));
const MAX_CONNECTIONS = 10;
const NOBODY_CAN_REGISTER =
  "nobody is registered yet and nobody can be: HOST or PUBLIC_URL is not loopback and SETUP_TOKEN is not set. Set SETUP_TOKEN " +
  "(16 characters or more), start again, and send it as X-Setup-Token with the first POST /auth/register";

/** What tests bend; a deployment has configuration only. */
export type ApiOverrides = DefenceOverrides &
  Pick<ServiceDependencies, "actorCacheMs" | "hashing" | "appendSubmissions">;

/** Resolves when it accepts requests. Rejects, with nothing left open, when it cannot. */
export async function startApi(
  config: Config,
  logger: Logger,
  overrides: ApiOverrides = {},
): Promise<HttpServer> {
  // Opened from the top down, closed from the bottom up: at the stop, and when a later line throws.
  await using opened = new AsyncDisposableStack();
  const { databaseUrl, redisUrl, publicUrl } = config;
  const warn = (error: unknown) => logger.warn({ err: error }, "connection interrupted, reconnecting");
  const pool = { databaseUrl, role: "atelier_api", maxConnections: MAX_CONNECTIONS } as const;
  const database = createDatabase({ ...pool, onError: warn });
  opened.defer(() => database.close());
  await checkFoundations(database, config.encryptionKeys);
  const backend = chooseBackend({ databaseUrl, redisUrl, role: "atelier_api" });
  await checkBackend(backend);
  const signals = await openExecutionSignals(database, warn);
  opened.defer(() => signals.close());
  const tracing = await openTraces(config, logger);
  opened.defer(() => tracing?.close());
  const metrics = createMetrics(database.connections);
  const queue = countRings(createExecutionQueue(backend, warn), metrics.registry);
  opened.defer(() => queue.close());
  const services = buildServices({
    config,
    database,
    queue,
    signals,
    ...pickObservers(metrics),
    traceSubmission: tracing?.submission,
    ...reportTo(logger),
    ...overrides,
  });
  opened.defer(() => services.submitter.drain());
  opened.defer(() => services.reads.drain());
  opened.defer(() => services.close());
  if (await isRegistrationBlocked(database, config)) logger.warn(NOBODY_CAN_REGISTER);
  const passport = createPassport(services.identity, services.apiKeys);
  const onError = (error: unknown) => logger.warn({ err: error }, "counts or denials could not be stored");
  const defences = await buildDefences({ config, database, onError, ...overrides });
  opened.defer(() => defences.close());
  const readiness = await watchReadiness(database, logger);
  opened.defer(() => readiness.stop());
  const queues = buildQueues({ config, queue, ...services });
  const studio = await openStudio(STUDIO);
  if (!studio) logger.warn("the Studio is not built (npm start builds it): a page of welcome stands at /");
  const app = createApp({
    routes: [
      ...buildRoutes({ services, passport, publicUrl, readiness, metrics, ...defences }),
      queues.route,
    ],
    authenticate: passport.authenticate,
    logger,
    observe: metrics.observe,
    traceRequest: tracing?.request,
    limitAttempt: defences.limitAttempt,
    recordDenial: defences.recordDenial,
    trustedProxies: config.trustedProxies,
    mounts: [queues.mount],
    studio,
  });
  const server = await listen(app, config);
  opened.defer(() => server.stop());
  logger.info({ url: server.url }, "listening");
  const running = opened.move();
  return { url: server.url, stop: () => running.disposeAsync() };
}

function pickObservers({ observeSubmissions, observeEagerStart, observeDelivery }: Metrics) {
  return { observeSubmissions, observeEagerStart, observeDelivery };
}

function watchReadiness(database: Database, logger: Logger) {
  return startReadiness(
    () => commitCanary(database),
    (ready, error) => logger[ready ? "info" : "error"]({ err: error }, ready ? "ready" : "not ready"),
  );
}

function openTraces(config: Config, logger: Logger) {
  return loadTracing({
    endpoint: config.traceEndpoint,
    role: "api",
    onUndelivered: (error) => logger.warn({ err: error }, "traces cannot be delivered; this is said once"),
  });
}

/** What may fail after a commit, and is made good later or elsewhere. */
function reportTo(logger: Logger) {
  const warn = (message: string) => (error: unknown) => logger.warn({ err: error }, message);
  return {
    onRingFailed: warn("queue out of reach, the scheduler rings later"),
    onMailFailed: warn("a mail was not sent"),
  };
}

if (import.meta.main) {
  const logger = createLogger("api", "info");
  await runRole(logger, async () => {
    const config = loadConfig("api");
    logger.level = config.logLevel;
    armCrashPoint(config.crashAt, endAbruptly);
    return (await startApi(config, logger)).stop;
  });
}
