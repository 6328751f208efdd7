// `npm run admin`: help for a locked-out instance, by whoever holds its database. Exit code 0: done; 1: refused;
// 2: not understood.
import { readArguments, USAGE } from "./admin/read-arguments.ts";
import { runAdminCommand } from "./admin/run-admin-command.ts";
import { runCommand } from "./installation/run-command.ts";

await runCommand(
  async ({ args, open, connect, print }) => {
    const command = readArguments(args);
    if (command.act === "help") {
      print(USAGE);
      return 0;
    }
    const installation = await open();
    const { databaseUrl } = installation;
    const database = connect(installation, "atelier_admin");
    await runAdminCommand({ database, databaseUrl, env: process.env, print }, command);
    return 0;
  },
  { misuse: 2 },
);
