// The process itself: it starts, says when it is ready, stops on SIGTERM, and refuses to start with a reason.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startTestApi } from "../test/support/api.ts";
import { childEnvironment } from "../test/support/child-environment.ts";
import { createTestDatabase, type TestDatabase } from "../test/support/database.ts";
import { asAdmin } from "../test/support/query.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const SECRET = "test:0123456789abcdef0123456789abcdef";
// Off loopback a secret must not be one that others know.
const RANDOM = `other:${randomBytes(32).toString("base64url")}`;
const SETTINGS = { HOST: "127.0.0.1", PORT: "0", JWT_SECRETS: SECRET, ENCRYPTION_KEYS: SECRET };
const OFF_LOOPBACK = { HOST: "0.0.0.0", JWT_SECRETS: RANDOM, ENCRYPTION_KEYS: RANDOM };

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase();
});
after(() => database?.drop());

function start(environment: Record<string, string>): {
  child: ChildProcess;
  log(): string;
  exited: Promise<number | null>;
} {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...childEnvironment(), ...SETTINGS, ...environment },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += chunk));
  return { child, log: () => text, exited: once(child, "close").then(([code]) => code as number | null) };
}

/** The log is another pipe than the "ready" message and may come later. */
async function addressIn(log: () => string): Promise<string> {
  for (;;) {
    const url = /"url":"(http:[^"]+)"/.exec(log())?.[1];
    if (url) return url;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("starts, serves, and leaves with 0 on SIGTERM", async (t) => {
  const { child, log, exited } = start({ DATABASE_URL: database.databaseUrl });
  t.after(() => child.kill("SIGKILL"));
  assert.deepEqual(await Promise.race([once(child, "message").then(([m]) => m), exited]), "ready", log());
  const url = await addressIn(log);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  child.kill("SIGTERM");
  assert.equal(await exited, 0, log());
  await assert.rejects(fetch(`${url}/readyz`));
});

test("off loopback, without a person or a SETUP_TOKEN, it says how the first one gets in", async (t) => {
  const empty = await createTestDatabase(t);
  const boot = async (environment: Record<string, string>) => {
    const { child, log, exited } = start({ DATABASE_URL: empty.databaseUrl, ...environment });
    t.after(() => child.kill("SIGKILL"));
    assert.deepEqual(await Promise.race([once(child, "message").then(([m]) => m), exited]), "ready", log());
    child.kill("SIGTERM");
    await exited;
    return log();
  };
  assert.match(await boot(OFF_LOOPBACK), /SETUP_TOKEN is not set.*X-Setup-Token.*\/auth\/register/);
  assert.doesNotMatch(await boot({ ...OFF_LOOPBACK, SETUP_TOKEN: "0123456789abcdef" }), /SETUP_TOKEN is not/);
  assert.doesNotMatch(await boot({ ...OFF_LOOPBACK, HOST: "127.0.0.1" }), /SETUP_TOKEN is not/);
});

test("leaves with 1 and all reasons when the environment is wrong", async () => {
  const { log, exited } = start({ JWT_SECRETS: "short", PORT: "http" });
  assert.equal(await exited, 1);
  assert.match(log(), /JWT_SECRETS.*32 bytes/);
  assert.match(log(), /PORT/);
});

test("leaves with 1 when the port is taken or the database is not there", async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const address = squatter.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const busy = start({ DATABASE_URL: database.databaseUrl, PORT: String(port) });
  assert.equal(await busy.exited, 1);
  assert.match(busy.log(), /EADDRINUSE/);
  const gone = start({ DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/x`.replace(String(port), "1") });
  assert.equal(await gone.exited, 1);
  assert.match(gone.log(), /database_unavailable/);
  squatter.close();
});

test("not ready while the database does not answer, ready again after", async () => {
  const api = await startTestApi(database.databaseUrl);
  const name = new URL(database.databaseUrl).pathname.slice(1);
  const elsewhere = { adminUrl: database.adminUrl.replace(/[^/]+$/, "postgres") };
  const until = async (wanted: number) => {
    for (;;) {
      const reply = await api.request("GET", "/readyz");
      if (reply.status === wanted) return reply;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  try {
    await asAdmin(elsewhere, `alter database ${name} allow_connections false`);
    await asAdmin(elsewhere, "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
      name,
    ]);
    assert.equal((await until(503)).headers.get("retry-after"), "3");
    const login = await api.request("POST", "/auth/login", {
      body: { email: "a@b.de", password: "whatever" },
    });
    assert.ok(login.status >= 500, "nothing pretends to work");
    await asAdmin(elsewhere, `alter database ${name} allow_connections true`);
    await until(200);
  } finally {
    await asAdmin(elsewhere, `alter database ${name} allow_connections true`);
    await api.close();
  }
});
