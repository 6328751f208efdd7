// `node migrations/main.ts`: brings the database at DATABASE_URL to the schema of this code, and ends.
import { loadConfig } from "#core/config.ts";
import { createLogger } from "#core/logger.ts";
import { migrateDatabase } from "./migrate.ts";

const logger = createLogger("migrate", "info");
try {
  const { databaseUrl, logLevel } = loadConfig("migrate");
  logger.level = logLevel;
  await migrateDatabase({ databaseUrl, log: (line) => logger.debug(line) });
  logger.info("the database is up to date");
} catch (error) {
  logger.fatal({ err: error }, "the database could not be migrated");
  process.exitCode = 1;
}
