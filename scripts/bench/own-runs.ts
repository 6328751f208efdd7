// Measurements that take minutes, or a platform set up for them: asked for by name, each alone on servers of its own.
import { connectUsers } from "./connect-users.ts";
import { fillHistory } from "./fill-history.ts";
import { benchGraph } from "./graphs.ts";
import { compareLoops, measureAllReads } from "./measure-history.ts";
import { measureMemory } from "./measure-memory.ts";
import { measureSchedules } from "./measure-schedules.ts";
import { measureSecondWorker, SLOTS } from "./measure-second-worker.ts";
import type { Measurement } from "./measurement.ts";
import type { BenchOptions } from "./parse-arguments.ts";
import type { PlatformUnderLoad, User } from "./platform-under-load.ts";
import { startRoles } from "./start-roles.ts";
import { type Servers, startServers } from "./start-servers.ts";

/** `command`: the arguments that repeat it. */
export type OwnRun = (
  servers: Servers,
  cleanup: AsyncDisposableStack,
  note: (line: string) => void,
) => Promise<{ command: string; lines: Measurement[] }>;

/** null: what was asked for shares one platform. */
export function findOwnRun({
  history: rows,
  seconds,
  names,
  redisServer,
  schedules,
}: BenchOptions): OwnRun | null {
  if (rows > 0) {
    return async (servers, cleanup, note) => {
      const others = await startServers(servers.redisUrl === null ? null : redisServer, cleanup);
      const [filled, empty] = [await startPlatform(servers, cleanup), await startPlatform(others, cleanup)];
      const owned = await fillUp(filled, rows, note);
      const [[user, workflowId]] = owned;
      const lines = [await compareLoops({ filled, empty, rows }, seconds, note)];
      lines.push(...(await measureAllReads(filled, { user, workflowId, rows })));
      return { command: `--history ${rows} --seconds ${seconds}`, lines };
    };
  }
  if (names.includes("memory")) {
    return async (servers, cleanup) => {
      const lines = await measureMemory(await startPlatform(servers, cleanup), seconds);
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
  if (names.includes("schedules")) {
    return async (servers, cleanup, note) => {
      const lines = await measureSchedules(await startPlatform(servers, cleanup), schedules, note);
      return { command: `--only schedules --schedules ${schedules}`, lines };
    };
  }
  return null;
}

async function startPlatform(servers: Servers, cleanup: AsyncDisposableStack): Promise<PlatformUnderLoad> {
  return connectUsers(await startRoles(servers, null, cleanup), servers, cleanup);
}

/** Returns everybody with the workflow whose history it is. */
async function fillUp(platform: PlatformUnderLoad, rows: number, note: (line: string) => void) {
  const [first, ...others] = platform.users;
  const own = async (user: User): Promise<[User, string]> => [
    user,
    await platform.createWorkflow(user, benchGraph()),
  ];
  const owned: [[User, string], ...[User, string][]] = [
    await own(first),
    ...(await Promise.all(others.map(own))),
  ];
  note(`filling in ${rows} executions`);
  await fillHistory(platform.admin, owned, rows, note);
  return owned;
}
