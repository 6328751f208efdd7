// The environment is judged as a whole, per role, and no value of it comes out in a message.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { type Config, loadConfig, type Role } from "./config.ts";
import { AppError } from "./domain/app-error.ts";

const SECRET = "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t";
const DATABASE_URL = "postgresql://atelier:pw@127.0.0.1/atelier";
const COMPLETE = { DATABASE_URL, JWT_SECRETS: `a:${SECRET}`, ENCRYPTION_KEYS: `k:${SECRET}` };

function faultsOf(role: Role, environment: NodeJS.ProcessEnv): AppError {
  try {
    loadConfig(role, environment);
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "invalid_config");
    for (const { path, message } of error.problems) assert.ok(error.message.includes(`${path}: ${message}`));
    return error;
  }
  throw new Error("the environment was accepted");
}

const namesOf = (error: AppError) => error.problems.map(({ path }) => path).sort();

test("the least a role needs gives the documented defaults", () => {
  const { jwtSecrets, encryptionKeys, reloadEncryptionKeys, ...config }: Config = loadConfig("api", COMPLETE);
  assert.deepEqual(config, {
    role: "api",
    host: "127.0.0.1",
    port: 3000,
    healthPort: undefined,
    databaseUrl: DATABASE_URL,
    redisUrl: undefined,
    setupToken: undefined,
    workerConcurrency: 50,
    maxQueued: 100_000,
    workerId: undefined,
    logLevel: "info",
    publicUrl: "http://127.0.0.1:3000",
    sessionLimits: { idleMinutes: 20_160, maxMinutes: 43_200 },
    signup: "open",
    allowPrivateEgress: [],
    allowPlaintext: [],
    trustedProxies: [],
    secretsDir: undefined,
    auditAnchorDir: undefined,
    smtpUrl: undefined,
    mailFrom: undefined,
    sampleServiceUrl: undefined,
    traceEndpoint: undefined,
    crashAt: undefined,
  });
  assert.deepEqual([jwtSecrets.length, encryptionKeys[0]?.id], [1, "k"]);
  assert.equal(reloadEncryptionKeys, undefined);
});

test("keys may lie in a file, which is read again when asked; the environment goes before it", (t) => {
  const file = path.join(temporaryFolder(t), "keys.json");
  const secret = (letter: string) => letter.repeat(32);
  const write = (keys: string) =>
    writeFileSync(file, JSON.stringify({ JWT_SECRETS: `j:${secret("j")}`, ENCRYPTION_KEYS: keys }));
  write(`a:${secret("a")}`);
  const { JWT_SECRETS: _, ENCRYPTION_KEYS: own, ...rest } = COMPLETE;
  const config = loadConfig("api", { ...rest, KEYS_FILE: file });
  assert.deepEqual([config.jwtSecrets[0]?.id, config.encryptionKeys[0]?.id], ["j", "a"]);
  assert.equal(loadConfig("api", { ...COMPLETE, KEYS_FILE: file }).encryptionKeys[0]?.id, own.split(":")[0]);
  write(`b:${secret("b")},a:${secret("a")}`);
  const ids = config.reloadEncryptionKeys?.().map((key) => key.id);
  assert.deepEqual(ids, ["b", "a"]);
  assert.deepEqual(namesOf(faultsOf("api", { ...rest, KEYS_FILE: `${file}.none` })), ["KEYS_FILE"]);
});

test("each role needs its own and no more", () => {
  assert.deepEqual(namesOf(faultsOf("api", {})), ["DATABASE_URL", "ENCRYPTION_KEYS", "JWT_SECRETS"]);
  assert.deepEqual(namesOf(faultsOf("worker", {})), ["DATABASE_URL", "ENCRYPTION_KEYS"]);
  assert.deepEqual(namesOf(faultsOf("scheduler", {})), ["DATABASE_URL"]);
  assert.deepEqual(namesOf(faultsOf("migrate", {})), ["DATABASE_URL"]);
  for (const role of ["scheduler", "migrate"] as const) {
    assert.equal(loadConfig(role, { DATABASE_URL }).databaseUrl, DATABASE_URL);
  }
});

test("a role's own URL goes before the owner's, the migrate step takes the owner's", () => {
  const own = (role: string) => `postgresql://${role}@localhost/atelier`;
  const environment = {
    ...COMPLETE,
    API_DATABASE_URL: own("api"),
    WORKER_DATABASE_URL: own("worker"),
    SCHEDULER_DATABASE_URL: own("scheduler"),
  };
  for (const role of ["api", "worker", "scheduler"] as const) {
    assert.equal(loadConfig(role, environment).databaseUrl, own(role));
    assert.equal(loadConfig(role, { ...environment, DATABASE_URL: "" }).databaseUrl, own(role));
  }
  assert.equal(loadConfig("migrate", environment).databaseUrl, DATABASE_URL);
  assert.deepEqual(namesOf(faultsOf("migrate", { ...environment, DATABASE_URL: "" })), ["DATABASE_URL"]);
});

test("an empty variable is none", () => {
  const empty = Object.fromEntries(
    ["REDIS_URL", "PORT", "LOG_LEVEL", "SETUP_TOKEN"].map((name) => [name, ""]),
  );
  assert.deepEqual(loadConfig("api", { ...COMPLETE, ...empty }), loadConfig("api", COMPLETE));
  assert.deepEqual(namesOf(faultsOf("api", { ...COMPLETE, JWT_SECRETS: "" })), ["JWT_SECRETS"]);
  assert.deepEqual(namesOf(faultsOf("api", { ...COMPLETE, JWT_SECRETS: " , " })), ["JWT_SECRETS"]);
});

test("a secret is 32 bytes, as base64url or as text, under an id", () => {
  const secretOf = (text: string) => loadConfig("api", { ...COMPLETE, JWT_SECRETS: text }).jwtSecrets;
  const bytes = Buffer.alloc(32, 7);
  assert.deepEqual(secretOf(`a:${bytes.toString("base64url")},b:${SECRET}`)[0], { id: "a", secret: bytes });
  for (const text of [`a:${SECRET.slice(0, 31)}`, `:${SECRET}`, SECRET, `a:${SECRET},b:short`]) {
    assert.deepEqual(namesOf(faultsOf("api", { ...COMPLETE, JWT_SECRETS: text })), ["JWT_SECRETS"], text);
  }
});

const ALL_WRONG = {
  PORT: "70000",
  LOG_LEVEL: `loud-${SECRET}`,
  DATABASE_URL: `postgresql://u:${SECRET}@${SECRET}.example.net/d`,
  API_DATABASE_URL: `postgresql://u:${SECRET}@localhost/d?host=${SECRET}.example.net`,
  WORKER_DATABASE_URL: `mysql://u:${SECRET}@localhost/d`,
  SCHEDULER_DATABASE_URL: `postgresql://u:${SECRET}@localhost:${SECRET}/d`,
  REDIS_URL: `redis://:${SECRET}@${SECRET}.example.net`,
  JWT_SECRETS: `${SECRET}:short`,
  SETUP_TOKEN: "s3cr3t-short",
  WORKER_CONCURRENCY: "0",
  WORKER_ID: SECRET,
  PUBLIC_URL: `ftp://${SECRET}`,
  SIGNUP: SECRET,
  ALLOW_PRIVATE_EGRESS: `printer.office:631,${SECRET}`,
};

test("every fault is told at once: malformed, missing, in plain text", () => {
  const names = namesOf(faultsOf("api", ALL_WRONG));
  assert.deepEqual(names, [...Object.keys(ALL_WRONG), "ENCRYPTION_KEYS"].sort());
});

test("no value comes out in the report", () => {
  const error = faultsOf("api", ALL_WRONG);
  const report = JSON.stringify([error.message, error.problems, error.details, error.stack, error.cause]);
  assert.ok(!/s3cr3t/i.test(report), report);
});

test("a connection to another host asks for TLS or is named in ALLOW_PLAINTEXT", () => {
  const far = {
    DATABASE_URL: "postgresql://u:p@postgres:5432/d",
    WORKER_DATABASE_URL: "postgresql://w:p@postgres:5432/d",
    REDIS_URL: "redis://redis:6379",
  };
  const error = faultsOf("scheduler", far);
  assert.deepEqual(namesOf(error), ["DATABASE_URL", "REDIS_URL", "WORKER_DATABASE_URL"]);
  assert.match(error.message, /sslmode=verify-full.*ALLOW_PLAINTEXT/);
  assert.match(error.message, /rediss:.*ALLOW_PLAINTEXT/);
  assert.deepEqual(namesOf(faultsOf("scheduler", { ...far, ALLOW_PLAINTEXT: "postgres" })), ["REDIS_URL"]);
  assert.deepEqual(loadConfig("scheduler", { ...far, ALLOW_PLAINTEXT: "postgres, redis" }).allowPlaintext, [
    "postgres",
    "redis",
  ]);
  const encrypted = { DATABASE_URL: `${far.DATABASE_URL}?sslmode=require`, REDIS_URL: "rediss://redis:6379" };
  assert.equal(loadConfig("scheduler", encrypted).redisUrl, "rediss://redis:6379");
  assert.deepEqual(namesOf(faultsOf("migrate", { DATABASE_URL: "postgresql:///d", PGHOST: "postgres" })), [
    "DATABASE_URL",
  ]);
});

test("options in a URL, which would take the place of ours, are refused", () => {
  const DATABASE_URL = "postgres://u:p@127.0.0.1/d?options=-c%20timezone%3DCET";
  assert.match(faultsOf("worker", { ...COMPLETE, DATABASE_URL }).message, /DATABASE_URL: has options=/);
});

test("a bad egress entry is told by its place", () => {
  const error = faultsOf("worker", { ...COMPLETE, ALLOW_PRIVATE_EGRESS: "a:1,10.0.0.0/8:80,[::1]:9,b" });
  assert.deepEqual(
    error.problems.map(({ message }) => message.slice(0, 7)),
    ["entry 2", "entry 4"],
  );
  const good = loadConfig("worker", { ...COMPLETE, ALLOW_PRIVATE_EGRESS: "a:1, [::1]:9" });
  assert.deepEqual(good.allowPrivateEgress, ["a:1", "[::1]:9"]);
});

test("mail needs a server and a sender", () => {
  const SMTP_URL = "smtp://mail.example.com";
  assert.deepEqual(namesOf(faultsOf("api", { ...COMPLETE, SMTP_URL })), ["MAIL_FROM"]);
  for (const MAIL_FROM of ["nobody", "a@b\nBcc: c@d", "Atelier <a@b> and more"]) {
    assert.deepEqual(
      namesOf(faultsOf("api", { ...COMPLETE, SMTP_URL, MAIL_FROM })),
      ["MAIL_FROM"],
      MAIL_FROM,
    );
  }
  assert.deepEqual(
    namesOf(
      faultsOf("api", { ...COMPLETE, SMTP_URL: "http://mail.example.com", MAIL_FROM: "a@example.com" }),
    ),
    ["SMTP_URL"],
  );
  for (const MAIL_FROM of ["a@example.com", "Atelier <a@example.com>"]) {
    assert.equal(loadConfig("api", { ...COMPLETE, SMTP_URL, MAIL_FROM }).mailFrom, MAIL_FROM);
  }
});
test("proxies are trusted by address or network, never all of them", () => {
  const TRUSTED_PROXIES = "10.0.0.2, 192.0.2.0/24, 2001:db8::1, fd00::/8";
  const { trustedProxies } = loadConfig("api", { ...COMPLETE, TRUSTED_PROXIES });
  assert.deepEqual(trustedProxies, ["10.0.0.2", "192.0.2.0/24", "2001:db8::1", "fd00::/8"]);
  const bad = [
    "true",
    "1",
    "*",
    "0.0.0.0/0",
    "::/0",
    "10.1",
    "proxy.office",
    "10.0.0.0/33",
    "loopback",
    "fe80::1%eth0",
  ];
  for (const entry of bad) {
    const error = faultsOf("api", { ...COMPLETE, TRUSTED_PROXIES: `10.0.0.2,${entry}` });
    assert.deepEqual(error.problems[0]?.path, "TRUSTED_PROXIES", entry);
    assert.match(error.message, /entry 2 is no address/);
  }
});

test("S10: secrets that everybody knows are refused off loopback", () => {
  const known = [
    "0123456789abcdef0123456789abcdef",
    "change-me-change-me-change-me-change-me",
    "s".repeat(43),
  ];
  for (const secret of known) {
    const environment = { ...COMPLETE, JWT_SECRETS: `a:${secret}`, ENCRYPTION_KEYS: `a:${secret}` };
    assert.deepEqual(namesOf(faultsOf("api", { ...environment, HOST: "0.0.0.0" })), [
      "ENCRYPTION_KEYS",
      "JWT_SECRETS",
    ]);
    assert.equal(loadConfig("api", environment).jwtSecrets.length, 1, "a developer's machine may");
  }
  const random = `a:${randomBytes(32).toString("base64url")}`;
  const environment = { DATABASE_URL, JWT_SECRETS: random, ENCRYPTION_KEYS: random, HOST: "0.0.0.0" };
  assert.equal(loadConfig("api", environment).jwtSecrets.length, 1);
});

test("a process that is told to crash says it is under test, or does not start", () => {
  const at = { ...COMPLETE, CRASH_AT: "worker.after_claim:2" };
  for (const NODE_ENV of [undefined, "", "production", "development"])
    assert.deepEqual(namesOf(faultsOf("worker", { ...at, NODE_ENV })), ["CRASH_AT"]);
  const { crashAt } = loadConfig("worker", { ...at, NODE_ENV: "test" });
  assert.deepEqual(crashAt, { point: "worker.after_claim", nth: 2 });
  const unknown = { ...COMPLETE, NODE_ENV: "test", CRASH_AT: "worker.nowhere:1" };
  assert.deepEqual(namesOf(faultsOf("worker", unknown)), ["CRASH_AT"]);
});
