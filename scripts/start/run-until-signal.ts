// Runs a supervisor until the person or the system asks it to stop.
import type { Supervisor } from "./supervisor.ts";

// In a terminal Ctrl-C reaches npm and us, and npm passes it on: what comes within a second is the same key press.
const samePressMs = 1_000;

/** Resolves to the exit code after an orderly stop. Throws what start() throws. */
export async function runUntilSignal(supervisor: Supervisor, log: (line: string) => void): Promise<number> {
  const asked = Promise.withResolvers<number>();
  let askedAt: number | null = null;
  const onSignal = () => {
    if (askedAt === null) {
      askedAt = Date.now();
      log("\nStopping: the roles finish what they are doing (Ctrl-C again hurries them)");
      asked.resolve(0);
    } else if (Date.now() - askedAt > samePressMs) {
      log("Hurrying: what is unfinished is resumed at the next start");
      supervisor.hurry();
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  // The reader of our output may go first (npm start | head); that is no reason to leave servers behind.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  process.on("exit", () => supervisor.hurry());
  process.on("uncaughtException", (error) => {
    log(`The supervisor met an error it did not expect and stops everything: ${error.stack}`);
    asked.resolve(1);
  });
  const watch = watchParent(onSignal);
  const started = supervisor.start();
  const code = await Promise.race([asked.promise, started.then(() => asked.promise)]);
  clearInterval(watch);
  await supervisor.stop();
  log("Stopped.");
  return code;
}

/**
 * npm passes signals to the shell between it and us, and that shell dies of SIGTERM without telling us: seen with
 * npm 11 and dash. A parent that is gone then means the same.
 */
function watchParent(onGone: () => void): NodeJS.Timeout {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.env.npm_lifecycle_event === undefined || process.ppid === parent) return;
    clearInterval(watch);
    onGone();
  }, 250);
  return watch.unref();
}
