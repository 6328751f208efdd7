// The environment, read once and validated as a whole: every fault is reported, none is guessed away.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { AppError, type Problem } from "./domain/app-error.ts";
import { namesSomeHosts } from "./domain/client-network.ts";
import { parseCrashAt } from "./domain/crash-points.ts";
import { parseHostPort } from "./domain/host-port.ts";
import { isKnownSecret } from "./domain/known-secrets.ts";
import { isLoopback } from "./domain/loopback.ts";
import { postgresPlaintextFault, redisPlaintextFault } from "./domain/plaintext-rule.ts";

export type Role = "api" | "worker" | "scheduler" | "migrate";
export type NamedSecret = { id: string; secret: Buffer };

const MIN_SECRET_BYTES = 32;
const SECRET_VARIABLE = "ATELIER_SECRET_";

/** `name@host` or `Some Name <name@host>`, on one line. */
const MAIL_SENDER = /^(?:[^<>\r\n]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/;

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

/** Entries are told by their place, not their text: what is pasted into the wrong variable may be a secret. */
const hostPorts = list.superRefine((entries, context) => {
  for (const [index, entry] of entries.entries()) {
    if (parseHostPort(entry)) continue;
    context.addIssue({
      code: "custom",
      message: `entry ${index + 1} is not host:port (no wildcard, no range, IPv6 in brackets)`,
    });
  }
});

const proxies = list.superRefine((entries, context) => {
  for (const [index, entry] of entries.entries()) {
    if (namesSomeHosts(entry)) continue;
    context.addIssue({
      code: "custom",
      message: `entry ${index + 1} is no address and no CIDR that names some hosts (10.0.0.2 or 10.0.0.0/24)`,
    });
  }
});

/** `<point>:<n>`, see core/domain/crash-points.ts. */
const crashAt = z.string().transform((text, context) => {
  const at = parseCrashAt(text);
  if (at) return at;
  context.addIssue({ code: "custom", message: "is not <point>:<n> with a point of the list" });
  return z.NEVER;
});

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
  KEYS_FILE: z.string().optional(),
  SETUP_TOKEN: z.string().min(16).optional(),
  WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(50),
  MAX_QUEUED: z.coerce.number().int().min(1).max(10_000_000).default(100_000),
  WORKER_ID: z.uuid().optional(),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  SESSION_IDLE_MINUTES: z.coerce.number().int().min(15).max(129_600).default(20_160),
  SESSION_MAX_HOURS: z.coerce.number().int().min(1).max(8_760).default(720),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  SIGNUP: z.enum(["open", "invite", "closed"]).default("open"),
  ALLOW_PRIVATE_EGRESS: hostPorts,
  ALLOW_PLAINTEXT: list,
  TRUSTED_PROXIES: proxies,
  SECRETS_DIR: z.string().optional(),
  AUDIT_ANCHOR_DIR: z.string().optional(),
  SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
  MAIL_FROM: z
    .string()
    .max(320)
    .regex(MAIL_SENDER, "needs an address, or a name and an <address>")
    .optional(),
  SAMPLE_SERVICE_URL: z.url().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  CRASH_AT: crashAt.optional(),
});

export type Config = ReturnType<typeof toConfig>;

/** Reads `environment` for one role. Throws `invalid_config` with every fault; it names variables, never values. */
export function loadConfig(role: Role, environment: NodeJS.ProcessEnv = process.env) {
  // An empty variable is what `X=` in a compose file gives: the same as none.
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const given = { ...keysFrom(set.KEYS_FILE), ...set };
  const parsed = environmentSchema.safeParse(given);
  const problems: Problem[] = [
    ...(parsed.error?.issues ?? []).map(({ path, message }) => ({ path: path.join("."), message })),
    ...missingFor(role, given),
    ...inPlain(given),
    ...replacing(given),
    ...knownToAll(given),
    ...crashing(given),
  ];
  if (problems.length > 0 || !parsed.success) {
    const text = problems.map((problem) => `${problem.path}: ${problem.message}`).join("; ");
    throw new AppError("invalid_config", `The environment cannot be used: ${text}`, { problems });
  }
  return toConfig(role, parsed.data);
}

/** What ref.env credentials may read: of this process's variables those that begin with ATELIER_SECRET_. */
export function readSecretVariable(
  name: string,
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  return name.startsWith(SECRET_VARIABLE) ? environment[name] : undefined;
}

type Environment = z.infer<typeof environmentSchema>;

// Only the owner may change the schema, so the migrate step has no URL of its own.
const OWN_URL = {
  api: "API_DATABASE_URL",
  worker: "WORKER_DATABASE_URL",
  scheduler: "SCHEDULER_DATABASE_URL",
  migrate: "DATABASE_URL",
} as const satisfies Record<Role, keyof Environment>;
const DATABASE_URLS = [...new Set(["DATABASE_URL", ...Object.values(OWN_URL)])];

/** From the raw text, so that what is missing is told together with what is malformed. */
function missingFor(role: Role, given: NodeJS.ProcessEnv): Problem[] {
  const problems: Problem[] = [];
  const isEmpty = (name: string) => list.parse(given[name]).length === 0;
  if (!(given[OWN_URL[role]] ?? given.DATABASE_URL)) {
    problems.push({ path: "DATABASE_URL", message: "is not set; `npm start` brings a database of its own" });
  }
  if (role === "api" && isEmpty("JWT_SECRETS")) {
    problems.push({ path: "JWT_SECRETS", message: "is not set; give id:secret with 32 random bytes" });
  }
  if ((role === "api" || role === "worker") && isEmpty("ENCRYPTION_KEYS")) {
    problems.push({ path: "ENCRYPTION_KEYS", message: "is not set; give id:secret with 32 random bytes" });
  }
  if (given.SMTP_URL && !given.MAIL_FROM) {
    problems.push({
      path: "MAIL_FROM",
      message: "is not set; with SMTP_URL, give the address mail comes from",
    });
  }
  if (role === "scheduler" && given.AUDIT_ANCHOR_DIR && isEmpty("ENCRYPTION_KEYS")) {
    problems.push({ path: "ENCRYPTION_KEYS", message: "is not set; AUDIT_ANCHOR_DIR needs it to sign" });
  }
  return problems;
}

type KeysFile = { JWT_SECRETS?: string; ENCRYPTION_KEYS?: string };

/** A JSON file with JWT_SECRETS and ENCRYPTION_KEYS, such as DATA_DIR/keys.json; the environment goes before it. */
function keysFrom(file: string | undefined): KeysFile {
  if (file === undefined) return {};
  try {
    const { JWT_SECRETS = "", ENCRYPTION_KEYS = "" } = JSON.parse(readFileSync(file, "utf8")) as KeysFile;
    return { JWT_SECRETS, ENCRYPTION_KEYS };
  } catch (cause) {
    const fault = { path: "KEYS_FILE", message: "is no JSON file with JWT_SECRETS and ENCRYPTION_KEYS" };
    const text = `The environment cannot be used: ${fault.path}: ${fault.message}`;
    throw new AppError("invalid_config", text, { cause, problems: [fault] });
  }
}

function reloaderOf(file: string | undefined): (() => NamedSecret[]) | undefined {
  return file === undefined ? undefined : () => namedSecrets.parse(keysFrom(file).ENCRYPTION_KEYS);
}

/** The connections that would leave this host readable to others. */
function inPlain(given: NodeJS.ProcessEnv): Problem[] {
  const allowed = list.parse(given.ALLOW_PLAINTEXT);
  const faults = DATABASE_URLS.map((path) => ({
    path,
    message: given[path] ? postgresPlaintextFault(given[path], allowed, given) : null,
  }));
  const { REDIS_URL } = given;
  faults.push({ path: "REDIS_URL", message: REDIS_URL ? redisPlaintextFault(REDIS_URL, allowed) : null });
  return faults.flatMap(({ path, message }) => (message ? { path, message } : []));
}

/** The URL's options would take the place of those that statements rely on, and of the role. */
function replacing(given: NodeJS.ProcessEnv): Problem[] {
  return DATABASE_URLS.filter((path) => URL.parse(given[path] ?? "")?.searchParams.has("options")).map(
    (path) => ({
      path,
      message:
        "has options=, which would replace the settings of Atelier's own sessions; set yours on the server",
    }),
  );
}

/** Off loopback a secret must be one that nobody else has; a developer may use what the tests use. */
function knownToAll(given: NodeJS.ProcessEnv): Problem[] {
  if (isLoopback(given.HOST ?? "127.0.0.1")) return [];
  return (["JWT_SECRETS", "ENCRYPTION_KEYS"] as const)
    .filter((path) =>
      list.parse(given[path]).some((entry) => isKnownSecret(entry.slice(entry.indexOf(":") + 1))),
    )
    .map((path) => ({
      path,
      message: "holds a secret that is no secret; make one: openssl rand -base64 32",
    }));
}

/**
 * Refused, not ignored, unless the process says it is under test: nobody runs by mistake what will kill itself, and a
 * fault test whose fault was switched off would be green for nothing.
 */
function crashing(given: NodeJS.ProcessEnv): Problem[] {
  if (given.CRASH_AT === undefined || given.NODE_ENV === "test") return [];
  return [{ path: "CRASH_AT", message: "is for tests only (NODE_ENV=test)" }];
}

function toConfig(role: Role, environment: Environment) {
  return {
    role,
    host: environment.HOST,
    port: environment.PORT,
    healthPort: environment.HEALTH_PORT,
    databaseUrl: environment[OWN_URL[role]] ?? environment.DATABASE_URL ?? "",
    redisUrl: environment.REDIS_URL,
    jwtSecrets: environment.JWT_SECRETS,
    encryptionKeys: environment.ENCRYPTION_KEYS,
    /** Where the keys lie in a file, a rotation is seen by reading it again. Throws what `loadConfig` throws. */
    reloadEncryptionKeys: reloaderOf(environment.KEYS_FILE),
    setupToken: environment.SETUP_TOKEN,
    workerConcurrency: environment.WORKER_CONCURRENCY,
    /** How many executions a workspace may have queued. */
    maxQueued: environment.MAX_QUEUED,
    workerId: environment.WORKER_ID,
    logLevel: environment.LOG_LEVEL,
    publicUrl: environment.PUBLIC_URL ?? `http://${environment.HOST}:${environment.PORT}`,
    sessionLimits: {
      idleMinutes: environment.SESSION_IDLE_MINUTES,
      maxMinutes: environment.SESSION_MAX_HOURS * 60,
    },
    signup: environment.SIGNUP,
    allowPrivateEgress: environment.ALLOW_PRIVATE_EGRESS,
    allowPlaintext: environment.ALLOW_PLAINTEXT,
    trustedProxies: environment.TRUSTED_PROXIES,
    secretsDir: environment.SECRETS_DIR,
    /** Where the audit log's signed heads are written and looked up; undefined: nowhere. */
    auditAnchorDir: environment.AUDIT_ANCHOR_DIR,
    smtpUrl: environment.SMTP_URL,
    mailFrom: environment.MAIL_FROM,
    sampleServiceUrl: environment.SAMPLE_SERVICE_URL,
    /** Where spans go, over OTLP; undefined: traces are off. */
    traceEndpoint: environment.OTEL_EXPORTER_OTLP_ENDPOINT,
    crashAt: environment.CRASH_AT,
  };
}
