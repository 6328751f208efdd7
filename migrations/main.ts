// `node migrations/main.ts`: brings the database at DATABASE_URL to the schema of this code, and ends.
import { loadConfig } from "#core/config.ts";
import { createLogger } from "#core/logger.ts";
import { migrateDatabase } from "./migrate.ts";

// How node-pg-migrate announces the migration it is about to apply.
const APPLYING = /^### MIGRATION (\S+) \(UP\) ###$/;

const logger = createLogger("migrate", "info");
try {
  const { databaseUrl, logLevel } = loadConfig("migrate");
  logger.level = logLevel;
  const log = (line: string) => {
    const migration = APPLYING.exec(line)?.[1];
    if (migration) logger.info({ migration }, "applying");
    else logger.debug(line);
  };
  await migrateDatabase({ databaseUrl, log, tell: (line) => logger.info(line) });
  logger.info("the database is up to date");
} catch (error) {
  logger.fatal({ err: error }, "the database could not be migrated");
  process.exitCode = 1;
}
