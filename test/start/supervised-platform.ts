// Runs the real supervisor with dummy roles as a process of its own: node supervised-platform.ts ROLES JOURNAL.
import { appendFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkEnvironment } from "../../scripts/start/check-environment.ts";
import { explainFault } from "../../scripts/start/explain-fault.ts";
import { runUntilSignal } from "../../scripts/start/run-until-signal.ts";
import { readStartSettings } from "../../scripts/start/start-settings.ts";
import { createSupervisor } from "../../scripts/start/supervisor.ts";

const [roles = "", journal = ""] = process.argv.slice(2);
const dummy = fileURLToPath(new URL("./dummy-role.ts", import.meta.url));
const log = (line: string) => process.stdout.write(`${line}\n`);
const note = (event: string, facts: object) =>
  appendFileSync(journal, `${JSON.stringify({ name: "supervisor", event, ...facts })}\n`);

try {
  const settings = readStartSettings(process.env, process.cwd());
  checkEnvironment(process.env);
  const supervisor = createSupervisor({
    settings,
    env: process.env,
    cwd: process.cwd(),
    // "worker:stubborn" is a worker that does not end on SIGTERM.
    roles: roles.split(",").map((role) => {
      const [name = "", behaviour = "good"] = role.split(":");
      return { name, command: process.execPath, args: [dummy, name, journal, behaviour] };
    }),
    migrate: async ({ databaseUrl }) => note("migrate", { databaseUrl }),
    expireLeases: async ({ workerId }) => note("expire", { workerId }),
    log,
    drainMs: Number(process.env.TEST_DRAIN_MS ?? "25000"),
  });
  process.exitCode = await runUntilSignal(supervisor, log);
} catch (error) {
  log(explainFault(error));
  process.exitCode = 1;
}
