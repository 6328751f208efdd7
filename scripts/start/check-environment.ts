// Reads the environment as every role will, before anything is started: a role that cannot begin would begin for ever.
import { randomBytes } from "node:crypto";
import { loadConfig } from "../../core/config.ts";
import { AppError, type Problem } from "../../core/domain/app-error.ts";

const ROLES = ["api", "worker", "scheduler"] as const;

/** Throws `invalid_config` with what any role would refuse, each fault once and on a line of its own. */
export function checkEnvironment(env: NodeJS.ProcessEnv): void {
  const faults = new Map<string, Problem>();
  for (const role of ROLES) {
    try {
      loadConfig(role, withOwnParts(env));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      for (const problem of error.problems ?? []) faults.set(`${problem.path}: ${problem.message}`, problem);
    }
  }
  if (faults.size === 0) return;
  throw new AppError(
    "invalid_config",
    `Nothing was started. Please mend:\n  ${[...faults.keys()].join("\n  ")}`,
    {
      problems: [...faults.values()],
    },
  );
}

/** What `npm start` brings itself, stood in for by something valid. */
function withOwnParts(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const port = env.PORT === "0" ? "" : env.PORT;
  if (env.DATABASE_URL) return { ...env, PORT: port };
  const secret = () => `own:${randomBytes(32).toString("base64url")}`;
  return {
    ...env,
    PORT: port,
    DATABASE_URL: "postgresql://atelier@127.0.0.1/atelier",
    JWT_SECRETS: env.JWT_SECRETS || secret(),
    ENCRYPTION_KEYS: env.ENCRYPTION_KEYS || secret(),
  };
}
