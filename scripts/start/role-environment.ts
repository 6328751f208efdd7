// The environment that one role is started with.
import path from "node:path";
import { type Keys, keysFileIn } from "../installation/keep-keys.ts";

export type RoleFacts = {
  host: string;
  port: number;
  dataDir: string;
  databaseUrl: string;
  /** Null: they come from the environment, which has been checked. */
  keys: Keys | null;
  /** Null when there is no sample service. */
  sampleUrl: string | null;
};

export function roleEnvironment(role: string, env: NodeJS.ProcessEnv, facts: RoleFacts): NodeJS.ProcessEnv {
  const { host, port, dataDir, databaseUrl, keys, sampleUrl } = facts;
  const result: NodeJS.ProcessEnv = {
    ...env,
    ...keys,
    HOST: host,
    PORT: String(port),
    DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
  };
  // The file instead of its content: it is read again while the roles run, so that a rotation needs no restart.
  if (keys && !env.ENCRYPTION_KEYS) {
    delete result.ENCRYPTION_KEYS;
    result.KEYS_FILE = keysFileIn(dataDir);
  }
  if (keys) result.AUDIT_ANCHOR_DIR = env.AUDIT_ANCHOR_DIR || path.join(dataDir, "anchors");
  if (sampleUrl !== null) {
    result.ALLOW_PRIVATE_EGRESS = [env.ALLOW_PRIVATE_EGRESS, new URL(sampleUrl).host]
      .filter(Boolean)
      .join(",");
    if (role === "api") result.SAMPLE_SERVICE_URL = sampleUrl;
  }
  // One machine has one such port: the worker gets it, the scheduler the next.
  if (env.HEALTH_PORT && role === "scheduler") result.HEALTH_PORT = String(Number(env.HEALTH_PORT) + 1);
  return result;
}
