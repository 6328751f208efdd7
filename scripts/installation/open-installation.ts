// Finds the database and the keys of the installation a command works on; an embedded server that sleeps is woken.
import { existsSync } from "node:fs";
import path from "node:path";
import { loadConfig } from "../../core/config.ts";
import type { NamedKey } from "../../core/crypto/keyring.ts";
import { AppError } from "../../core/domain/app-error.ts";
import { refuseHalfRestoredHere } from "../../core/persistence/backup/half-restored.ts";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { readServerAccess } from "../embedded-postgres/server-access.ts";
import { startEmbeddedPostgres } from "../embedded-postgres/start-embedded-postgres.ts";
import { lockDataDir } from "../start/lock-data-dir.ts";
import { keysFileIn, readKeys } from "./keep-keys.ts";
import { connectOwner } from "./owner-client.ts";

export type Installation = {
  /** The owner's URL. */
  databaseUrl: string;
  /** Parsed as the roles parse them. Throws `keys_missing` or `invalid_config`; commands without secrets never ask. */
  encryptionKeys(): readonly NamedKey[];
  /** Where the keys of an embedded installation lie; null when they come from the environment. */
  keysFile: string | null;
  dataDir: string;
  /** Stops what was started for the command. */
  close(): Promise<void>;
};

/** `migrates`: an embedded database that is woken is brought to the schema of this code first. */
export type OpenOptions = { migrates?: boolean };

type Log = (line: string) => void;

/**
 * Throws `no_installation` when there is none yet, `invalid_config` for a bad DATABASE_URL, and `half_restored`: what is
 * done to such a database is gone with it, or counts for whole.
 */
export async function openInstallation(
  env: NodeJS.ProcessEnv,
  cwd: string,
  log: Log,
  { migrates = true }: OpenOptions = {},
): Promise<Installation> {
  const dataDir = path.resolve(cwd, env.DATA_DIR || ".data");
  const server = env.DATABASE_URL
    ? { databaseUrl: checkUrl(env), close: async () => {} }
    : await openEmbedded(dataDir, log, migrates);
  try {
    await refuseHalf(server.databaseUrl);
  } catch (error) {
    await server.close();
    throw error;
  }
  const keysFile = env.KEYS_FILE || keysFileIn(dataDir);
  return {
    ...server,
    dataDir,
    keysFile: !env.ENCRYPTION_KEYS && existsSync(keysFile) ? keysFile : null,
    encryptionKeys: () => parseKeys(server.databaseUrl, keysFile, env, log),
  };
}

type Server = Pick<Installation, "databaseUrl" | "close">;

async function openEmbedded(dataDir: string, log: Log, migrates: boolean): Promise<Server> {
  if (!existsSync(path.join(dataDir, "postgres.json"))) {
    throw new AppError(
      "no_installation",
      `There is no Atelier in ${dataDir} yet: start it (npm start) and register first. DATA_DIR or DATABASE_URL name another`,
    );
  }
  const lock = lockUnlessRunning(dataDir, log);
  if (!lock) return { databaseUrl: runningUrl(dataDir, log), close: async () => {} };
  try {
    log("The platform is not running; its database is started for this command");
    const server = await startEmbeddedPostgres({ dataDir, log });
    const close = async () => {
      await server.stop();
      lock.release();
    };
    try {
      if (migrates) await migrateDatabase({ databaseUrl: server.databaseUrl });
      return { databaseUrl: server.databaseUrl, close };
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function refuseHalf(databaseUrl: string): Promise<void> {
  const client = await connectOwner(databaseUrl, "atelier-command");
  await refuseHalfRestoredHere(client).finally(() => client.end());
}

function checkUrl({ DATABASE_URL, ALLOW_PLAINTEXT }: NodeJS.ProcessEnv): string {
  return loadConfig("migrate", { DATABASE_URL, ALLOW_PLAINTEXT }).databaseUrl;
}

function parseKeys(databaseUrl: string, file: string, env: NodeJS.ProcessEnv, log: Log): readonly NamedKey[] {
  const { ALLOW_PLAINTEXT } = env;
  const ENCRYPTION_KEYS = env.ENCRYPTION_KEYS || keptKeys(file, log);
  return loadConfig("worker", { DATABASE_URL: databaseUrl, ENCRYPTION_KEYS, ALLOW_PLAINTEXT }).encryptionKeys;
}

function keptKeys(file: string, log: Log): string {
  if (existsSync(file)) return readKeys(file, log).ENCRYPTION_KEYS;
  throw new AppError(
    "keys_missing",
    `Neither ENCRYPTION_KEYS nor ${file} has the keys that secrets are encrypted with: set ENCRYPTION_KEYS as the platform has it`,
  );
}

function lockUnlessRunning(dataDir: string, log: Log) {
  try {
    return lockDataDir(dataDir, log);
  } catch (error) {
    if (error instanceof AppError && error.code === "data_dir_in_use") return null;
    throw error;
  }
}

function runningUrl(dataDir: string, log: Log): string {
  const { port, ownerPassword } = readServerAccess(dataDir, log).access;
  if (port === null) {
    throw new AppError(
      "no_installation",
      "The platform is just starting for the first time; try again when it is up",
    );
  }
  return `postgresql://atelier:${ownerPassword}@127.0.0.1:${port}/atelier`;
}
