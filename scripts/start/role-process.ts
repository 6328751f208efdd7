// One role as a child process that is started again whenever it ends without having been asked to.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";

export type RoleCommand = { name: string; command: string; args: readonly string[] };

export type RoleProcess = {
  start(): void;
  /** Resolves when the role has sent "ready" for the first time. */
  ready: Promise<void>;
  isReady(): boolean;
  /** SIGTERM, then SIGKILL after `drainMs`; resolves when it is gone and stays so. */
  stop(drainMs: number): Promise<void>;
  /** SIGTERM without stopping for good: it comes back with the environment of then. */
  recycle(): void;
  /** SIGKILL to the role and whatever it started. */
  kill(): void;
};

export type RoleOptions = {
  role: RoleCommand;
  cwd: string;
  /** Asked at every start; WORKER_ID is added. */
  environment: () => NodeJS.ProcessEnv;
  log: (line: string) => void;
  /** Called after every unexpected end, with the WORKER_ID that the dead process had. */
  onDeath?: (workerId: string) => void;
};

// One that lived longer than this is started again at once, otherwise the pauses grow up to a second.
const soundLifeMs = 5_000;
const pausesMs = [0, 250, 500, 1_000];

export function createRoleProcess({ role, cwd, environment, log, onDeath }: RoleOptions): RoleProcess {
  let child: ChildProcess | null = null;
  let stopping = false;
  let quickDeaths = 0;
  let wasReady = false;
  let restart: NodeJS.Timeout | undefined;
  const { promise: ready, resolve: becomeReady } = Promise.withResolvers<void>();

  const signal = (name: NodeJS.Signals, group: boolean) => {
    if (child?.pid !== undefined) sendSignal(child.pid, name, group);
  };

  const start = () => {
    const workerId = randomUUID();
    const startedAt = Date.now();
    // A process group of its own, so that Ctrl-C in the terminal reaches it once: from the supervisor.
    const current = spawn(role.command, [...role.args], {
      cwd,
      env: { ...environment(), WORKER_ID: workerId },
      detached: true,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child = current;
    current.on("message", (message) => {
      if (message !== "ready") return;
      wasReady = true;
      becomeReady();
    });
    const end = (reason: string) => {
      if (child !== current) return; // "error" and "exit" may both come.
      child = null;
      if (current.pid !== undefined) sendSignal(current.pid, "SIGKILL", true); // What it may have started itself.
      if (stopping) return;
      quickDeaths = Date.now() - startedAt > soundLifeMs ? 0 : quickDeaths + 1;
      const pause = pausesMs[Math.min(Math.max(quickDeaths - 1, 0), pausesMs.length - 1)];
      const again = quickDeaths > 1 ? ` (${quickDeaths} times in a row)` : "";
      log(`The ${role.name} (pid ${current.pid ?? "none"}) ended with ${reason}; starting it again${again}`);
      restart = setTimeout(start, pause);
      onDeath?.(workerId);
    };
    current.once("error", (error) => end(error.message));
    current.once("exit", (code, name) => end(name === null ? `exit code ${code}` : `signal ${name}`));
  };

  return {
    start,
    ready,
    isReady: () => wasReady,
    recycle: () => signal("SIGTERM", false),
    kill: () => signal("SIGKILL", true),
    async stop(drainMs) {
      stopping = true;
      clearTimeout(restart);
      if (child === null) return;
      const gone = new Promise((resolve) => child?.once("exit", resolve));
      const deadline = setTimeout(() => {
        log(
          `The ${role.name} did not finish within ${drainMs / 1000} s and is killed; its work is resumed at the next start`,
        );
        signal("SIGKILL", true);
      }, drainMs);
      signal("SIGTERM", false);
      await gone;
      clearTimeout(deadline);
    },
  };
}

function sendSignal(pid: number, name: NodeJS.Signals, group: boolean): void {
  try {
    process.kill(group ? -pid : pid, name);
  } catch {
    // It is gone already.
  }
}
