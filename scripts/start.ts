// `npm start`: the whole platform from one command, until Ctrl-C.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expireLeases } from "../core/persistence/expire-leases.ts";
import { migrateDatabase } from "../migrations/migrate.ts";
import { buildStudio } from "./start/build-studio.ts";
import { checkEnvironment } from "./start/check-environment.ts";
import { explainFault } from "./start/explain-fault.ts";
import { roleCommands } from "./start/role-commands.ts";
import { runUntilSignal } from "./start/run-until-signal.ts";
import { readStartSettings } from "./start/start-settings.ts";
import { createSupervisor } from "./start/supervisor.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const log = (line: string) => console.log(line);

/** Of all that the migration tool says, one line for each step taken. */
function sayMigration(line: string): void {
  const name = /^### MIGRATION (\S+) \(UP\)/.exec(line)?.[1];
  if (name !== undefined) log(`Migrated ${name}`);
}

try {
  const settings = readStartSettings(process.env, process.cwd());
  checkEnvironment(process.env);
  const supervisor = createSupervisor({
    settings,
    env: process.env,
    roles: roleCommands(root),
    cwd: root,
    migrate: ({ databaseUrl }) => migrateDatabase({ databaseUrl, log: sayMigration, tell: log }),
    expireLeases,
    buildStudio: () => buildStudio({ root, log }),
    log,
  });
  process.exitCode = await runUntilSignal(supervisor, log);
} catch (error) {
  console.error(`\n${explainFault(error)}\n`);
  process.exitCode = 1;
}
