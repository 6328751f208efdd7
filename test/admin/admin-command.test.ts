// The command line of the administration as people run it: a process of its own, on databases that run and that sleep.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createDatabase } from "../../core/persistence/database.ts";
import { sql } from "../../core/persistence/sql.ts";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { startEmbeddedPostgres } from "../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { lockDataDir } from "../../scripts/start/lock-data-dir.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { runScript } from "../support/run-script.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let testDatabase: TestDatabase;
let api: TestApi;
let root: Person;
let ada: Person;

before(async () => {
  testDatabase = await createTestDatabase();
  api = await startTestApi(testDatabase.databaseUrl);
  root = await api.register("root@example.com");
  ada = await api.register("ada@example.com");
});
after(async () => {
  await api?.close();
  await testDatabase?.drop();
});

const run = (...args: string[]) => runScript("admin.ts", args, { DATABASE_URL: testDatabase.databaseUrl });
const query = <Row>(text: string, values: unknown[] = []) => asAdmin<Row>(testDatabase, text, values);
const flags = async (person: Person) =>
  (
    await query<Record<string, boolean>>(
      "select is_admin, disabled_at is not null as disabled, totp_enabled_at is not null as totp from users where id = $1",
      [person.userId],
    )
  )[0];
const lastEntry = async () =>
  (
    await query<Record<string, unknown>>(
      `select actor_id, action, target_id, details from audit_logs
       where chain_id = '00000000-0000-0000-0000-000000000000' order by seq desc limit 1`,
    )
  )[0];

test("what it does not understand, it answers with its usage and exit code 2, and touches nothing", async () => {
  for (const args of [
    [],
    ["destroy"],
    ["make-admin"],
    ["make-admin", "a@example.com", "b@example.com"],
    ["disable-totp", "ada@example.com"],
    ["disable-totp", "ada@example.com", "--reason", " "],
    ["enable", "ada@example.com", "--reason", "x"],
    ["list", "everybody"],
    ["enable", "ada@example.com", "--force"],
  ]) {
    const { code, out, err } = await run(...args);
    assert.deepEqual([code, out], [2, ""], args.join(" "));
    assert.match(err, /Usage: npm run admin/, args.join(" "));
  }
  const help = await run("--help");
  assert.deepEqual([help.code, help.err], [0, ""]);
  assert.match(help.out, /reset-link EMAIL/);
  assert.equal((await lastEntry())?.action, "session.started");
});

test("make-admin makes an administrator of whom it names in any spelling, at once, and says so in the log", async () => {
  assert.equal((await api.request("GET", "/api/admin/users", { token: ada.token })).status, 403);
  const made = await run("make-admin", "ADA@example.com");
  assert.equal(made.code, 0, made.err);
  assert.match(made.out, /ada@example.com is an administrator now/);
  assert.equal((await api.request("GET", "/api/admin/users", { token: ada.token })).status, 200);
  assert.deepEqual(await lastEntry(), {
    actor_id: null,
    action: "user.changed",
    target_id: ada.userId,
    details: { isAdmin: true, via: "command line" },
  });
  const again = await run("make-admin", "ada@example.com");
  assert.equal(again.code, 1);
  assert.match(again.err, /already/);
  const nobody = await run("make-admin", "nobody@example.com");
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /Nobody is registered as nobody@example.com/);
});

test("enable lets a disabled person sign in again", async () => {
  await query("update users set disabled_at = now() where id = $1", [ada.userId]);
  const login = { body: { email: ada.email, password: PASSWORD } };
  assert.equal((await api.request("POST", "/auth/login", login)).status, 401);
  assert.equal((await run("enable", ada.email)).code, 0);
  assert.equal((await api.request("POST", "/auth/login", login)).status, 200);
  assert.equal((await flags(ada))?.disabled, false);
  assert.equal((await run("enable", ada.email)).code, 1, "she is not disabled");
});

test("revoke-keys ends all API keys of a person at once, written down without an actor", async () => {
  const made = await api.request<{ key: string }>("POST", "/auth/api-keys", {
    token: ada.token,
    body: { name: "stolen", scopes: ["read"] },
  });
  const status = async () => (await api.request("GET", "/auth/me", { token: made.body.key })).status;
  assert.equal(await status(), 200);
  const done = await run("revoke-keys", ada.email);
  assert.equal(done.code, 0);
  assert.equal(await status(), 401);
  assert.deepEqual(await lastEntry(), {
    actor_id: null,
    action: "user.api_keys_revoked",
    target_id: ada.userId,
    details: { revoked: 1, via: "command line" },
  });
});

test("disable-totp takes the second factor away, and the reason stands in the log", async () => {
  await query("update users set totp_secret = 'x', totp_enabled_at = now() where id = $1", [ada.userId]);
  const done = await run("disable-totp", ada.email, "--reason", "phone is in the lake");
  assert.equal(done.code, 0, done.err);
  assert.equal((await flags(ada))?.totp, false);
  const entry = await lastEntry();
  assert.deepEqual([entry?.actor_id, entry?.action], [null, "user.mfa_reset"]);
  assert.deepEqual(entry?.details, { reason: "phone is in the lake", via: "command line" });
  assert.equal((await run("disable-totp", ada.email, "--reason", "again")).code, 1);
});

test("reset-link prints a link that sets a new password once", async () => {
  const environment = { DATABASE_URL: testDatabase.databaseUrl, PUBLIC_URL: "https://atelier.example.com" };
  const { code, out, err } = await runScript("admin.ts", ["reset-link", ada.email], environment);
  assert.equal(code, 0, err);
  const token = /^https:\/\/atelier\.example\.com\/reset#(\S+)$/m.exec(out)?.[1];
  const reset = { body: { token, password: "a better horse battery" } };
  assert.equal((await api.request("POST", "/auth/reset", reset)).status, 204);
  assert.equal((await api.request("POST", "/auth/reset", reset)).status, 400);
  const login = { body: { email: ada.email, password: "a better horse battery" } };
  assert.equal((await api.request("POST", "/auth/login", login)).status, 200);
  const [made] = await query<{ actor_id: null; details: { via: string } }>(
    "select actor_id, details from audit_logs where action = 'user.reset_link_created'",
  );
  assert.deepEqual([made?.actor_id, made?.details.via], [null, "command line"]);
});

test("list shows everybody, whose names cannot write on the terminal, and is in the log too", async () => {
  await query("update users set name = $2 where id = $1", [root.userId, "R\u001b[2Jt\n"]);
  const { code, out } = await run("list");
  assert.equal(code, 0);
  const lines = out.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => line.split("\t")[0]),
    ["EMAIL", root.email, ada.email],
  );
  assert.equal(lines[1]?.split("\t")[1], "R?[2Jt?");
  assert.equal((await lastEntry())?.action, "users.listed");
});

test("an embedded installation is administered while it runs, and woken when it does not", async (t) => {
  const dataDir = temporaryFolder(t);
  const none = await runScript("admin.ts", ["list"], { DATA_DIR: dataDir });
  assert.equal(none.code, 1);
  assert.match(none.err, /There is no Atelier in/);
  const log = () => {};
  const lock = lockDataDir(dataDir, log);
  const server = await startEmbeddedPostgres({ dataDir, fast: true, log });
  try {
    await migrateDatabase({ databaseUrl: server.databaseUrl, log });
    const database = createDatabase({ databaseUrl: server.databaseUrl, role: "atelier_api" });
    for (const email of ["first@example.com", "second@example.com"]) {
      await database.run(sql`select identity_register(${uuidv7()}, ${email}, '', 'none', ${uuidv7()}, 'w')`);
    }
    await database.close();
    const running = await runScript("admin.ts", ["make-admin", "second@example.com"], { DATA_DIR: dataDir });
    assert.equal(running.code, 0, running.err);
    assert.equal(running.err, "");
  } finally {
    await server.stop();
    lock.release();
  }
  const asleep = await runScript("admin.ts", ["list"], { DATA_DIR: dataDir });
  assert.equal(asleep.code, 0, asleep.err);
  assert.match(asleep.out, /second@example.com\t\tyes\t-/);
  assert.match(asleep.err, /database is started for this command/);
  assert.equal(existsSync(path.join(dataDir, "start.lock")), false, "the lock is released");
  assert.equal(existsSync(path.join(server.folder, "postmaster.pid")), false, "and the server stopped");
});
