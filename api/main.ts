// The API process: configuration, database, services, routes, server; stopped in the opposite order.
import { type Config, loadConfig } from "#core/config.ts";
import { createLogger, type Logger } from "#core/logger.ts";
import { checkDatabase } from "#core/persistence/check-database.ts";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { openExecutionSignals } from "#core/persistence/execution-signals.ts";
import { sql } from "#core/persistence/sql.ts";
import { createExecutionQueue } from "#core/queue/execution-queue.ts";
import { checkBackend, chooseBackend } from "#core/queue/queue-backend.ts";
import { runRole } from "#core/shutdown.ts";
import { createApp } from "./app.ts";
import { buildQueues } from "./build-queues.ts";
import { buildRoutes } from "./build-routes.ts";
import { buildServices } from "./build-services.ts";
import { type HttpServer, listen } from "./listen.ts";
import { createMetrics } from "./metrics.ts";
import { createPassport } from "./middleware/passport.ts";
import { startReadiness } from "./readiness.ts";

const MAX_CONNECTIONS = 10;

/** What tests bend; a deployment has configuration only. */
export type ApiOverrides = { actorCacheMs?: number };

/** Resolves when it accepts requests. Rejects, with nothing left open, when it cannot. */
export async function startApi(
  config: Config,
  logger: Logger,
  overrides: ApiOverrides = {},
): Promise<HttpServer> {
  const database = createDatabase({
    databaseUrl: config.databaseUrl,
    role: "atelier_api",
    maxConnections: MAX_CONNECTIONS,
    onError: (error) => logger.warn({ err: error }, "idle database connection lost"),
  });
  try {
    const warning = await checkDatabase(database);
    if (warning) logger.warn(warning);
    return await serve(config, logger, database, overrides);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function serve(
  config: Config,
  logger: Logger,
  database: Database,
  overrides: ApiOverrides,
): Promise<HttpServer> {
  const { publicUrl } = config;
  const connections = await openConnections(config, logger, database);
  const services = buildServices({ config, database, ...connections, ...overrides });
  const passport = createPassport(services.identity);
  const metrics = createMetrics();
  const readiness = await startReadiness(
    () => database.run(sql`select 1`),
    (ready, error) => logger[ready ? "info" : "error"]({ err: error }, ready ? "ready" : "not ready"),
  );
  const queues = buildQueues({ config, queue: connections.queue, ...services });
  const app = createApp({
    routes: [...buildRoutes({ services, passport, publicUrl, readiness, metrics }), queues.route],
    authenticate: passport.authenticate,
    logger,
    observe: metrics.observe,
    mounts: [queues.mount],
  });
  const server = await listen(app, config).catch(async (error: unknown) => {
    readiness.stop();
    await connections.close();
    throw error;
  });
  logger.info({ url: server.url }, "listening");
  return {
    url: server.url,
    async stop() {
      readiness.stop();
      await server.stop();
      await services.submitter.drain();
      await connections.close();
      await database.close();
    },
  };
}

/** What the API holds open besides the pool: the doorbell, and the ear for executions that change. */
async function openConnections(config: Config, logger: Logger, database: Database) {
  const { databaseUrl, redisUrl } = config;
  const warn = (error: unknown) => logger.warn({ err: error }, "connection interrupted, reconnecting");
  const backend = chooseBackend({ databaseUrl, redisUrl, role: "atelier_api" });
  await checkBackend(backend);
  const signals = await openExecutionSignals(database, warn);
  const queue = createExecutionQueue(backend, warn);
  return {
    queue,
    signals,
    onRingFailed: (error: unknown) =>
      logger.warn({ err: error }, "queue out of reach, the scheduler rings later"),
    async close() {
      await Promise.all([signals.close(), queue.close()]);
    },
  };
}

if (import.meta.main) {
  const logger = createLogger("api", "info");
  await runRole(logger, async () => {
    const config = loadConfig("api");
    logger.level = config.logLevel;
    return (await startApi(config, logger)).stop;
  });
}
