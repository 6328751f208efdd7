// `npm run admin`: help for a locked-out instance, by whoever holds its database. Exit code 0: done; 1: refused;
// 2: not understood.
import { AppError } from "../core/domain/app-error.ts";
import { createDatabase } from "../core/persistence/database.ts";
import { readArguments, USAGE } from "./admin/read-arguments.ts";
import { runAdminCommand } from "./admin/run-admin-command.ts";
import { openInstallation } from "./installation/open-installation.ts";

async function main(): Promise<number> {
  const command = readArguments(process.argv.slice(2));
  if (command.act === "help") {
    console.log(USAGE);
    return 0;
  }
  const log = (line: string) => console.error(line);
  const installation = await openInstallation(process.env, process.cwd(), log);
  const database = createDatabase({
    databaseUrl: installation.databaseUrl,
    role: "atelier_admin",
    maxConnections: 1,
    onError: (error) => log(error.message),
  });
  try {
    const { databaseUrl } = installation;
    const print = (line: string) => console.log(line);
    await runAdminCommand({ database, databaseUrl, env: process.env, print }, command);
    return 0;
  } finally {
    await database.close();
    await installation.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof AppError ? error.message : error);
  process.exitCode = error instanceof AppError && error.code === "usage" ? 2 : 1;
}
