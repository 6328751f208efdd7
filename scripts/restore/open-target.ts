// The database a backup goes into: that of DATABASE_URL, or an embedded one in a DATA_DIR that nobody uses.
import { existsSync } from "node:fs";
import path from "node:path";
import { loadConfig } from "../../core/config.ts";
import { openDataDir } from "../embedded-postgres/open-data-dir.ts";
import { startEmbeddedPostgres } from "../embedded-postgres/start-embedded-postgres.ts";
import { keysFileIn } from "../installation/keep-keys.ts";
import { lockDataDir } from "../start/lock-data-dir.ts";

export type RestoreTarget = {
  /** The owner's. */
  databaseUrl: string;
  dataDir: string;
  /** Where keys lie or are put. */
  keysFile: string;
  hasKeys: boolean;
  anchorFolder: string;
  close(): Promise<void>;
};

/** Throws `data_dir_in_use` while a platform runs there, and what starting PostgreSQL throws. */
export async function openTarget(
  env: NodeJS.ProcessEnv,
  cwd: string,
  log: (line: string) => void,
): Promise<RestoreTarget> {
  const wanted = path.resolve(cwd, env.DATA_DIR || ".data");
  const { DATABASE_URL, ALLOW_PLAINTEXT } = env;
  // Beside a database of its own a DATA_DIR is needed for keys only, which a container has in its environment.
  const dataDir = DATABASE_URL ? wanted : openDataDir(wanted);
  const server = DATABASE_URL
    ? {
        databaseUrl: loadConfig("migrate", { DATABASE_URL, ALLOW_PLAINTEXT }).databaseUrl,
        close: async () => {},
      }
    : await openEmbedded(dataDir, log);
  const keysFile = env.KEYS_FILE || keysFileIn(dataDir);
  return {
    ...server,
    dataDir,
    keysFile,
    hasKeys: Boolean(env.ENCRYPTION_KEYS) || existsSync(keysFile),
    anchorFolder: env.AUDIT_ANCHOR_DIR || path.join(dataDir, "anchors"),
  };
}

async function openEmbedded(dataDir: string, log: (line: string) => void) {
  const lock = lockDataDir(dataDir, log);
  try {
    const server = await startEmbeddedPostgres({ dataDir, log });
    const close = async () => {
      await server.stop();
      lock.release();
    };
    return { databaseUrl: server.databaseUrl, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}
