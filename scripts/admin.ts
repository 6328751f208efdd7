// `npm run admin`: help for a locked-out instance, by whoever holds its database. Exit code 0: done; 1: refused;
// 2: not understood.
import { readArguments, USAGE } from "./admin/read-arguments.ts";
import { runAdminCommand } from "./admin/run-admin-command.ts";
import { readAddress } from "./installation/keep-address.ts";
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
    const env = withAddress(process.env, installation.dataDir);
    await runAdminCommand({ database, databaseUrl, env, print }, command);
    return 0;
  },
  { misuse: 2 },
);

/** The environment of this shell seldom has the platform's PORT. */
function withAddress(env: NodeJS.ProcessEnv, dataDir: string): NodeJS.ProcessEnv {
  if (env.PUBLIC_URL || env.PORT || env.DATABASE_URL) return env;
  return { ...env, PUBLIC_URL: readAddress(dataDir) ?? undefined };
}
