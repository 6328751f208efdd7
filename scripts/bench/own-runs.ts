// Measurements that take minutes, or a platform set up for them: asked for by name, each alone on servers of its own.
import { connectUsers } from "./connect-users.ts";
import { measureHistory } from "./measure-history.ts";
import { measureMemory } from "./measure-memory.ts";
import { measureSecondWorker, SLOTS } from "./measure-second-worker.ts";
import type { Measurement } from "./measurement.ts";
import type { BenchOptions } from "./parse-arguments.ts";
import { startRoles } from "./start-roles.ts";
import type { Servers } from "./start-servers.ts";

/** `command`: the arguments that repeat it. */
export type OwnRun = (
  servers: Servers,
  cleanup: AsyncDisposableStack,
  note: (line: string) => void,
) => Promise<{ command: string; lines: Measurement[] }>;

/** null: what was asked for shares one platform. */
export function findOwnRun({ history: rows, seconds, names }: BenchOptions): OwnRun | null {
  if (rows > 0) {
    return async (servers, cleanup, note) => {
      const platform = await connectUsers(await startRoles(servers, null, cleanup), servers, cleanup);
      const lines = await measureHistory(platform, { rows, seconds, note });
      return { command: `--history ${rows} --seconds ${seconds}`, lines };
    };
  }
  if (names.includes("memory")) {
    return async (servers, cleanup) => {
      const platform = await connectUsers(await startRoles(servers, null, cleanup), servers, cleanup);
      const lines = await measureMemory(platform, seconds);
      return { command: `--only memory --seconds ${seconds}`, lines };
    };
  }
  if (names.includes("second-worker")) {
    return async (servers, cleanup) => {
      const roles = await startRoles(servers, null, cleanup, { WORKER_CONCURRENCY: String(SLOTS) });
      const platform = await connectUsers(roles, servers, cleanup);
      const lines = await measureSecondWorker(platform, roles.addWorker);
      return { command: "--only second-worker", lines };
    };
  }
  return null;
}
