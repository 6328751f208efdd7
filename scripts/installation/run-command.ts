// What the commands on an installation have in common: opening it, closing it, and saying what went wrong.
import { AppError } from "../../core/domain/app-error.ts";
import { createDatabase, type Database, type RuntimeRole } from "../../core/persistence/database.ts";
import { type Installation, type OpenOptions, openInstallation } from "./open-installation.ts";

/** What is opened through it is closed when the command ends, the last first. */
export type Command = {
  args: readonly string[];
  open(options?: OpenOptions): Promise<Installation>;
  connect(installation: Installation, role: RuntimeRole, maxConnections?: number): Database;
  /** To the standard output: what was asked for. */
  print(line: string): void;
  /** To the standard error: what is told on the way. */
  log(line: string): void;
};

/**
 * `work` resolves to the exit code. A refusal is told in one sentence, a fault with its stack; both exit with 1, and
 * arguments that are not understood with `misuse`, where 1 and 2 are not taken.
 */
export async function runCommand(
  work: (command: Command) => Promise<number>,
  { misuse = 1 } = {},
): Promise<void> {
  try {
    process.exitCode = await run(work);
  } catch (error) {
    console.error(error instanceof AppError ? error.message : error);
    process.exitCode = error instanceof AppError && error.code === "usage" ? misuse : 1;
  }
}

/** Runs `read`, and puts the usage behind whatever it throws. Throws `usage`. */
export function withUsage<Arguments>(usage: string, read: () => Arguments): Arguments {
  try {
    return read();
  } catch (cause) {
    throw new AppError("usage", `${(cause as Error).message}\n\n${usage}`, { cause });
  }
}

async function run(work: (command: Command) => Promise<number>): Promise<number> {
  await using opened = new AsyncDisposableStack();
  const log = (line: string) => console.error(line);
  return await work({
    args: process.argv.slice(2),
    log,
    print: (line) => console.log(line),
    async open(options) {
      const installation = await openInstallation(process.env, process.cwd(), log, options);
      opened.defer(() => installation.close());
      return installation;
    },
    connect({ databaseUrl }, role, maxConnections = 1) {
      const onError = (error: Error) => log(error.message);
      const database = createDatabase({ databaseUrl, role, maxConnections, onError });
      opened.defer(() => database.close());
      return database;
    },
  });
}
