// Finds the database and the keys of the installation to import into; an embedded server that sleeps is woken.
import { existsSync } from "node:fs";
import path from "node:path";
import { loadConfig } from "../../core/config.ts";
import type { NamedKey } from "../../core/crypto/keyring.ts";
import { AppError } from "../../core/domain/app-error.ts";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { readServerAccess } from "../embedded-postgres/server-access.ts";
import { startEmbeddedPostgres } from "../embedded-postgres/start-embedded-postgres.ts";
import { keepKeys } from "../start/keep-keys.ts";
import { lockDataDir } from "../start/lock-data-dir.ts";

export type Installation = {
  /** The owner's URL. */
  databaseUrl: string;
  encryptionKeys: readonly NamedKey[];
  /** Stops what was started for the import. */
  close(): Promise<void>;
};

type Log = (line: string) => void;
const KEEP_RUNNING = async () => {};

/** Throws `import_refused` when there is no installation yet, `invalid_config` or `keys_…` for bad keys. */
export async function openInstallation(env: NodeJS.ProcessEnv, cwd: string, log: Log): Promise<Installation> {
  const dataDir = path.resolve(cwd, env.DATA_DIR || ".data");
  if (env.DATABASE_URL) {
    const keys = env.ENCRYPTION_KEYS || keptKeys(dataDir, env, log);
    return { ...withKeys(env.DATABASE_URL, keys, env.ALLOW_PLAINTEXT), close: KEEP_RUNNING };
  }
  if (!existsSync(path.join(dataDir, "postgres.json"))) {
    throw new AppError(
      "import_refused",
      `There is no Atelier in ${dataDir} yet: start it (npm start) and register first, then import`,
    );
  }
  const keys = keptKeys(dataDir, env, log);
  const lock = lockUnlessRunning(dataDir, log);
  if (!lock) return { ...withKeys(runningUrl(dataDir, log), keys), close: KEEP_RUNNING };
  try {
    log("The platform is not running; its database is started for the import");
    const server = await startEmbeddedPostgres({ dataDir, log });
    const close = async () => {
      await server.stop();
      lock.release();
    };
    try {
      await migrateDatabase({ databaseUrl: server.databaseUrl });
      return { ...withKeys(server.databaseUrl, keys), close };
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

function keptKeys(dataDir: string, env: NodeJS.ProcessEnv, log: Log): string {
  if (env.ENCRYPTION_KEYS) return env.ENCRYPTION_KEYS;
  if (existsSync(path.join(dataDir, "keys.json"))) return keepKeys(dataDir, env, log).ENCRYPTION_KEYS;
  throw new AppError(
    "import_refused",
    `Credentials are encrypted on the way in, and neither ENCRYPTION_KEYS nor ${path.join(dataDir, "keys.json")} has ` +
      "the keys: set ENCRYPTION_KEYS as the platform has it",
  );
}

/** Parsed as the roles parse them, so that both mean the same bytes. */
function withKeys(databaseUrl: string, keys: string, plaintext?: string): Omit<Installation, "close"> {
  const config = loadConfig("worker", {
    DATABASE_URL: databaseUrl,
    ENCRYPTION_KEYS: keys,
    ALLOW_PLAINTEXT: plaintext,
  });
  return { databaseUrl: config.databaseUrl, encryptionKeys: config.encryptionKeys };
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
      "import_refused",
      "The platform is just starting for the first time; import when it is up",
    );
  }
  return `postgresql://atelier:${ownerPassword}@127.0.0.1:${port}/atelier`;
}
