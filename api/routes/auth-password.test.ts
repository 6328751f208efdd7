// Changing a password: what is asked for, what it ends, and what it leaves.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { cookieOf, PASSWORD, type Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";

const NEW_PASSWORD = " another \u00e9 battery ";

let database: TestDatabase;
let api: TestApi;

before(async () => {
  database = await createTestDatabase();
  // As it is deployed: look-ups of sessions are cached.
  api = await startTestApi(database.databaseUrl, { actorCacheMs: 3_600_000 });
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const change = (person: Person, currentPassword: unknown, newPassword: unknown) =>
  api.request("PUT", "/auth/password", { token: person.token, body: { currentPassword, newPassword } });
const login = (email: string, password: string) =>
  api.request<{ accessToken: string; code?: string }>("POST", "/auth/login", { body: { email, password } });
const meStatus = async (token: string) => (await api.request("GET", "/auth/me", { token })).status;
const refresh = async (cookie: string) => (await api.request("POST", "/auth/refresh", { cookie })).status;
const auditOf = (person: Person) =>
  asAdmin<{ action: string; details: unknown }>(
    database,
    "select action, details from audit_logs where actor_id = $1 and action like 'password.%' order by seq",
    [person.userId],
  );

test("S04, A0A: a change ends every other session at once, cached look-ups too, and keeps this one", async () => {
  const person = await api.register();
  const other = await login(person.email, PASSWORD);
  assert.equal(await meStatus(other.body.accessToken), 200);
  assert.equal(await meStatus(person.token), 200);

  const ended = { endedSessions: 1, revokedApiKeys: 0, liveApiKeys: 0 };
  const changed = await change(person, PASSWORD, NEW_PASSWORD);
  assert.deepEqual([changed.status, changed.body], [200, ended]);

  assert.equal(await meStatus(other.body.accessToken), 401);
  assert.equal(await refresh(cookieOf(other)), 401);
  assert.equal(await meStatus(person.token), 200);
  assert.equal(await refresh(person.cookie), 200);
  assert.equal((await login(person.email, PASSWORD)).body.code, "invalid_credentials");
  assert.equal((await login(person.email, NEW_PASSWORD.trim())).status, 401, "to the byte");
  assert.equal((await login(person.email, NEW_PASSWORD.normalize("NFD"))).status, 401, "to the byte");
  assert.equal((await login(person.email, NEW_PASSWORD)).status, 200);
  assert.deepEqual(await auditOf(person), [{ action: "password.changed", details: ended }]);
});

test("S04: without the current password nothing changes", async () => {
  const person = await api.register();
  const reply = await change(person, `${PASSWORD}!`, NEW_PASSWORD);
  assert.deepEqual([reply.status, reply.body.code], [401, "invalid_credentials"]);
  for (const nothing of [undefined, null, "", ["x"], 7]) {
    assert.equal((await change(person, nothing, NEW_PASSWORD)).status, 400);
  }
  assert.equal((await login(person.email, PASSWORD)).status, 200);
  assert.deepEqual(await auditOf(person), []);
});

test("S03: a new password is neither short, nor common, nor one's own address", async () => {
  const person = await api.register();
  const codes = [];
  for (const bad of ["seven77", "x".repeat(1_025), "Password123", "trustno1", person.email.toUpperCase()]) {
    const { status, body } = await change(person, PASSWORD, bad);
    assert.equal(status, 400);
    codes.push(body.code);
  }
  const [common, length] = ["password_too_common", "invalid_request"];
  assert.deepEqual(codes, [length, length, common, common, common]);
  assert.equal((await login(person.email, PASSWORD)).status, 200);
});

test("S03: a common password and one's own address are refused at registration", async () => {
  const email = "own.address@example.com";
  for (const password of ["ILoveYou", "football1", "own.address@Example.com"]) {
    const reply = await api.request("POST", "/auth/register", { body: { email, password } });
    assert.deepEqual([reply.status, reply.body.code], [400, "password_too_common"], password);
  }
  assert.equal((await login(email, "football1")).status, 401);
});

test("of two changes at once one wins", async () => {
  const person = await api.register();
  const wishes = ["first of the two", "second of the two"];
  const replies = await Promise.all(wishes.map((wish) => change(person, PASSWORD, wish)));
  assert.deepEqual(replies.map((reply) => reply.status).sort(), [200, 401]);
  const logins = await Promise.all(wishes.map((wish) => login(person.email, wish)));
  assert.deepEqual(
    logins.map((reply) => reply.status === 200),
    replies.map((reply) => reply.status === 200),
  );
});

test("a login whose password is changed while it is checked starts no session", async () => {
  const person = await api.register();
  // Another transaction holds the person's row until the hash has been checked, then changes it.
  const blocker = new Client({ connectionString: database.adminUrl });
  await blocker.connect();
  try {
    await blocker.query("begin");
    await blocker.query("select from users where id = $1 for update", [person.userId]);
    const late = login(person.email, PASSWORD);
    const waits =
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    while ((await blocker.query(waits)).rowCount === 0) await delay(20);
    await blocker.query("update users set password_changed_at = now() where id = $1", [person.userId]);
    await blocker.query("commit");
    assert.equal((await late).body.code, "invalid_credentials");
  } finally {
    await blocker.end();
  }
});
