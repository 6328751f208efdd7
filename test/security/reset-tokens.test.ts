// Reset links: what opens a way to a new password, once, and what never does.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { createResetToken } from "#core/services/identity/create-reset-token.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { codeOf, enableSecondFactor } from "../support/second-factor.ts";

const NEW_PASSWORD = "a wholly new battery";

let testDatabase: TestDatabase;
let database: Database;
let api: TestApi;
let admin: Person;

before(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({
    databaseUrl: testDatabase.databaseUrl,
    role: "atelier_api",
    maxConnections: 2,
  });
  api = await startTestApi(testDatabase.databaseUrl, { actorCacheMs: 3_600_000 });
  // The first person of an instance is its administrator.
  admin = await api.register();
});
after(async () => {
  await api?.close();
  await database?.close();
  await testDatabase?.drop();
});

const makeToken = async (person: Person, maker = admin) => {
  const { token } = await database.transaction({ userId: maker.userId, workspaceIds: [] }, (tx) =>
    createResetToken(tx, { userId: person.userId, createdBy: maker.userId }),
  );
  return token;
};
const reset = (body: unknown) => api.request("POST", "/auth/reset", { body });
const login = ({ email }: Person, password: string, totp?: string) =>
  api.request("POST", "/auth/login", { body: { email, password, ...(totp && { totp }) } });
const expire = (person: Person) =>
  asAdmin(testDatabase, "update reset_tokens set expires_at = now() where user_id = $1", [person.userId]);

test("a reset sets the password, ends every session at once, and is recorded", async () => {
  const person = await api.register();
  const me = async () => (await api.request("GET", "/auth/me", { token: person.token })).status;
  assert.equal(await me(), 200);
  const token = await makeToken(person);
  const reply = await reset({ token, password: NEW_PASSWORD });
  assert.deepEqual([reply.status, reply.text], [204, ""]);
  assert.equal(await me(), 401, "a look-up that was cached too");
  assert.equal((await api.request("POST", "/auth/refresh", { cookie: person.cookie })).status, 401);
  assert.equal((await login(person, PASSWORD)).status, 401);
  assert.equal((await login(person, NEW_PASSWORD)).status, 200);
  const rows = await asAdmin<{ details: unknown }>(
    testDatabase,
    "select details from audit_logs where action = 'password.reset' and actor_id = $1",
    [person.userId],
  );
  assert.deepEqual(rows, [{ details: { client: "127.0.0.1", endedSessions: 1, revokedKeys: 0 } }]);
});

test("A05: a reset token is refused when missing, malformed, foreign, expired, replaced or used, with one answer", async () => {
  const person = await api.register();
  const refusals: unknown[] = [];
  const refuse = async (token: unknown) => {
    const { status, body } = await reset({ ...(token !== undefined && { token }), password: NEW_PASSWORD });
    refusals.push({ ...body, status, requestId: "" });
  };
  for (const none of [undefined, null, "", "undefined", "null", 0, true, {}, [], ["x"], "x".repeat(5_000)]) {
    await refuse(none);
  }
  const replaced = await makeToken(person);
  const token = await makeToken(person);
  for (const other of [replaced, [token], { token }, `${token} `, token.toUpperCase(), token.slice(0, -1)]) {
    await refuse(other);
  }
  await refuse(person.token);
  await refuse(person.cookie.split("=")[1]);
  await expire(person);
  await refuse(token);
  assert.equal((await login(person, PASSWORD)).status, 200, "none of them changed anything");

  const used = await makeToken(person);
  assert.equal((await reset({ token: used, password: NEW_PASSWORD })).status, 204);
  await refuse(used);
  assert.ok(refusals.length > 20);
  assert.deepEqual(new Set(refusals.map((one) => JSON.stringify(one))).size, 1, JSON.stringify(refusals));
  assert.deepEqual(refusals[0], {
    type: "about:blank",
    title: "Bad Request",
    status: 400,
    code: "invalid_reset_token",
    detail: "This link is wrong, used or too old; ask for a new one",
    requestId: "",
  });
});

test("a reset revokes the person's API keys: whoever had the account may have made one", async () => {
  const person = await api.register();
  const body = { name: "made by a thief", scopes: ["read"] };
  const made = await api.request<{ key: string }>("POST", "/auth/api-keys", { token: person.token, body });
  const me = async () => (await api.request("GET", "/auth/me", { token: made.body.key })).status;
  assert.equal(await me(), 200);
  assert.equal((await reset({ token: await makeToken(person), password: NEW_PASSWORD })).status, 204);
  assert.equal(await me(), 401);
});

test("A05: of ten uses of one token at the same moment one counts", async () => {
  const person = await api.register();
  const token = await makeToken(person);
  const wishes = Array.from({ length: 10 }, (_, index) => `wish number ${index}`);
  const replies = await Promise.all(wishes.map((password) => reset({ token, password })));
  assert.equal(replies.filter((reply) => reply.status === 204).length, 1);
  assert.equal(replies.filter((reply) => reply.body?.code === "invalid_reset_token").length, 9);
  const winner = wishes[replies.findIndex((reply) => reply.status === 204)] ?? "";
  assert.equal((await login(person, winner)).status, 200);
});

test("A05: a disabled person's token opens nothing", async () => {
  const person = await api.register();
  const token = await makeToken(person);
  await asAdmin(testDatabase, "update users set disabled_at = now() where id = $1", [person.userId]);
  const reply = await reset({ token, password: NEW_PASSWORD });
  assert.deepEqual([reply.status, reply.body.code], [400, "invalid_reset_token"]);
});

test("a change of the password makes an open token void", async () => {
  const person = await api.register();
  const token = await makeToken(person);
  const body = { currentPassword: PASSWORD, newPassword: "changed by its owner" };
  assert.equal((await api.request("PUT", "/auth/password", { token: person.token, body })).status, 200);
  assert.equal((await reset({ token, password: NEW_PASSWORD })).body.code, "invalid_reset_token");
});

test("S03: a password that is no good leaves the token good", async () => {
  const person = await api.register();
  const token = await makeToken(person);
  for (const [password, code] of [
    ["iloveyou", "password_too_common"],
    [person.email, "password_too_common"],
    ["short", "invalid_request"],
    [undefined, "invalid_request"],
  ]) {
    const reply = await reset({ token, password });
    assert.deepEqual([reply.status, reply.body.code], [400, code], password);
  }
  assert.equal((await reset({ token, password: NEW_PASSWORD })).status, 204);
});

test("the second factor stays on after a reset", async () => {
  const person = await api.register();
  const { secret } = await enableSecondFactor(api.request, person);
  assert.equal((await reset({ token: await makeToken(person), password: NEW_PASSWORD })).status, 204);
  assert.equal((await login(person, NEW_PASSWORD)).body.code, "totp_required");
  assert.equal((await login(person, NEW_PASSWORD, codeOf(secret))).status, 200);
});

test("tokens are stored as hashes, last an hour, and are made by administrators only", async () => {
  const person = await api.register();
  const token = await makeToken(person);
  const [row] = await asAdmin<{ text: string; minutes: number }>(
    testDatabase,
    `select reset_tokens::text as text, round(extract(epoch from expires_at - created_at) / 60)::int as minutes
     from reset_tokens where user_id = $1`,
    [person.userId],
  );
  assert.equal(row?.minutes, 60);
  assert.equal(row?.text.includes(token), false);
  assert.equal(row?.text.includes(Buffer.from(token).toString("hex")), false);
  await assert.rejects(makeToken(admin, person), { code: "42501" });
  await assert.rejects(makeToken(person, person), { code: "42501" });
});
