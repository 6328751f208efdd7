// The environment, read once and validated as a whole: every fault is reported, none is guessed away.
import { z } from "zod";
import { AppError, type Problem } from "./domain/app-error.ts";

export type Role = "api" | "worker" | "scheduler" | "migrate";
export type NamedSecret = { id: string; secret: Buffer };

const MIN_SECRET_BYTES = 32;

const port = z.coerce.number().int().min(0).max(65_535);
const list = z
  .string()
  .default("")
  .transform((text) =>
    text
      .split(",")
      .map((entry) => entry.trim())
      .filter(Boolean),
  );

/** `id:secret[,id:secret]`, the first is current. Secrets are base64url where that gives 32 bytes, else text. */
const namedSecrets = list.transform((entries, context): NamedSecret[] =>
  entries.map((entry) => {
    const colon = entry.indexOf(":");
    const text = entry.slice(colon + 1);
    const decoded = Buffer.from(text, "base64url");
    const secret = decoded.length >= MIN_SECRET_BYTES ? decoded : Buffer.from(text);
    if (colon < 1 || secret.length < MIN_SECRET_BYTES) {
      context.addIssue({
        code: "custom",
        message: "needs id:secret entries with at least 32 bytes of secret",
      });
    }
    return { id: entry.slice(0, Math.max(colon, 0)), secret };
  }),
);

const environmentSchema = z.object({
  PORT: port.default(3000),
  HOST: z.string().default("127.0.0.1"),
  HEALTH_PORT: port.optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  API_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  WORKER_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  SCHEDULER_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  JWT_SECRETS: namedSecrets,
  ENCRYPTION_KEYS: namedSecrets,
  SETUP_TOKEN: z.string().min(16).optional(),
  WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(50),
  WORKER_ID: z.uuid().optional(),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  SIGNUP: z.enum(["open", "invite", "closed"]).default("open"),
  ALLOW_PRIVATE_EGRESS: list,
  ALLOW_PLAINTEXT: list,
  SECRETS_DIR: z.string().optional(),
  SAMPLE_SERVICE_URL: z.url().optional(),
});

export type Config = ReturnType<typeof toConfig>;

/** Reads `environment` for one role. Throws `invalid_config` with every fault. */
export function loadConfig(role: Role, environment: NodeJS.ProcessEnv = process.env) {
  // An empty variable is what `X=` in a compose file gives: the same as none.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = environmentSchema.safeParse(given);
  const problems: Problem[] = parsed.success
    ? missingFor(role, parsed.data)
    : parsed.error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message }));
  if (problems.length > 0 || !parsed.success) {
    const text = problems.map((problem) => `${problem.path}: ${problem.message}`).join("; ");
    throw new AppError("invalid_config", `The environment is not complete: ${text}`, { problems });
  }
  return toConfig(role, parsed.data);
}

type Environment = z.infer<typeof environmentSchema>;

function roleDatabaseUrl(role: Role, environment: Environment): string | undefined {
  const own = {
    api: environment.API_DATABASE_URL,
    worker: environment.WORKER_DATABASE_URL,
    scheduler: environment.SCHEDULER_DATABASE_URL,
    // Only the owner may change the schema.
    migrate: undefined,
  }[role];
  return own ?? environment.DATABASE_URL;
}

function missingFor(role: Role, environment: Environment): Problem[] {
  const problems: Problem[] = [];
  if (!roleDatabaseUrl(role, environment)) {
    problems.push({ path: "DATABASE_URL", message: "is not set; `npm start` brings a database of its own" });
  }
  if (role === "api" && environment.JWT_SECRETS.length === 0) {
    problems.push({ path: "JWT_SECRETS", message: "is not set; give id:secret with 32 random bytes" });
  }
  if ((role === "api" || role === "worker") && environment.ENCRYPTION_KEYS.length === 0) {
    problems.push({ path: "ENCRYPTION_KEYS", message: "is not set; give id:secret with 32 random bytes" });
  }
  return problems;
}

function toConfig(role: Role, environment: Environment) {
  return {
    role,
    host: environment.HOST,
    port: environment.PORT,
    healthPort: environment.HEALTH_PORT,
    databaseUrl: roleDatabaseUrl(role, environment) ?? "",
    redisUrl: environment.REDIS_URL,
    jwtSecrets: environment.JWT_SECRETS,
    encryptionKeys: environment.ENCRYPTION_KEYS,
    setupToken: environment.SETUP_TOKEN,
    workerConcurrency: environment.WORKER_CONCURRENCY,
    workerId: environment.WORKER_ID,
    logLevel: environment.LOG_LEVEL,
    publicUrl: environment.PUBLIC_URL ?? `http://${environment.HOST}:${environment.PORT}`,
    signup: environment.SIGNUP,
    allowPrivateEgress: environment.ALLOW_PRIVATE_EGRESS,
    allowPlaintext: environment.ALLOW_PLAINTEXT,
    secretsDir: environment.SECRETS_DIR,
    sampleServiceUrl: environment.SAMPLE_SERVICE_URL,
  };
}
