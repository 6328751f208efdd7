// What the supervisor itself needs to know from the environment; the roles read the rest by themselves.
import path from "node:path";
import { AppError, type Problem } from "../../core/domain/app-error.ts";

export type StartSettings = {
  host: string;
  /** 0 asks for any free port. */
  port: number;
  dataDir: string;
  /** Null: the embedded server. */
  databaseUrl: string | null;
};

/** Throws `bad_environment` with all faults at once. */
export function readStartSettings(env: NodeJS.ProcessEnv, cwd: string): StartSettings {
  const problems: Problem[] = [];
  const port = Number(env.PORT || "3000");
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    problems.push({ path: "PORT", message: `is "${env.PORT}", which is no port number` });
  }
  const databaseUrl = env.DATABASE_URL || null;
  if (databaseUrl !== null && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    problems.push({ path: "DATABASE_URL", message: "does not begin with postgresql://" });
  }
  for (const name of databaseUrl === null ? [] : ["JWT_SECRETS", "ENCRYPTION_KEYS"]) {
    if (env[name]) continue;
    const message =
      "is required when DATABASE_URL is set (id:secret; node -e \"console.log('k1:'+require('crypto').randomBytes(32).toString('base64url'))\" makes one)";
    problems.push({ path: name, message });
  }
  if (problems.length > 0) {
    const lines = problems.map(({ path: name, message }) => `  ${name} ${message}`);
    throw new AppError("bad_environment", `Cannot start:\n${lines.join("\n")}`, { problems });
  }
  return {
    host: env.HOST || "127.0.0.1",
    port,
    databaseUrl,
    dataDir: path.resolve(cwd, env.DATA_DIR || ".data"),
  };
}
