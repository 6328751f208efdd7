// What a stolen token or API key must not turn into: a key that outlives it, a way to sign in, more rights than it had.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ATTEMPT_RULES } from "#core/domain/attempt-limits.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { LOOSE_RULES } from "../support/attempt-rules.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { enableSecondFactor } from "../support/second-factor.ts";
import { chain, createWorkflow } from "../support/workflows.ts";

type Key = { id: string; key: string };

const NEW_PASSWORD = "another correct battery";

let database: TestDatabase;
let api: TestApi;
let root: Person;

before(async () => {
  database = await createTestDatabase();
  const { password } = ATTEMPT_RULES;
  // As it is deployed: look-ups are cached, so that what ends must be forgotten.
  api = await startTestApi(database.databaseUrl, {
    actorCacheMs: 3_600_000,
    attemptRules: { ...LOOSE_RULES, password },
  });
  root = await api.register();
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const ask = (token: string, wish: Record<string, unknown> = {}) =>
  api.request<Key & { code: string }>("POST", "/auth/api-keys", {
    token,
    body: { name: "a program", scopes: ["read"], ...wish },
  });
async function makeKey({ token }: { token: string }, scopes: readonly string[] = ["read"]): Promise<Key> {
  const made = await ask(token, { scopes });
  assert.equal(made.status, 201, made.text);
  return made.body;
}
const meStatus = async (token: string) => (await api.request("GET", "/auth/me", { token })).status;
const call = (token: string, method: string, path: string, body?: unknown) =>
  api.request<{ code: string } & Record<string, unknown>>(method, path, {
    token,
    ...(body !== undefined && { body }),
  });
const age = ({ userId }: Person, interval: string) =>
  asAdmin(
    database,
    `update sessions set created_at = created_at - $2::interval, proven_at = proven_at - $2::interval
     where user_id = $1`,
    [userId, interval],
  );
const logged = (action: string, targetId: string) =>
  asAdmin<{ actor_id: string; chain_id: string; details: Record<string, unknown> }>(
    database,
    "select actor_id, chain_id, details from audit_logs where action = $1 and target_id = $2 order by seq",
    [action, targetId],
  );

test("S12: a session an hour after its last proof makes a key with the password only, which proves it again", async () => {
  const ada = await api.register();
  await age(ada, "59 minutes");
  assert.equal((await ask(ada.token)).status, 201);
  await age(ada, "2 minutes");
  const refused = await ask(ada.token);
  assert.deepEqual([refused.status, refused.body.code], [403, "password_required"]);
  const wrong = await ask(ada.token, { password: "not the password" });
  assert.deepEqual([wrong.status, wrong.body.code], [401, "invalid_credentials"]);
  assert.equal((await ask(ada.token)).status, 403);
  assert.equal((await ask(ada.token, { password: PASSWORD })).status, 201);
  assert.equal((await ask(ada.token)).status, 201);
  await age(ada, "61 minutes");
  assert.equal((await ask(ada.token)).status, 403);
  const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
  assert.equal((await call(ada.token, "PUT", "/auth/password", body)).status, 200);
  assert.equal((await ask(ada.token)).status, 201);
  const [{ keys } = { keys: -1 }] = await asAdmin<{ keys: number }>(
    database,
    "select count(*)::int as keys from api_keys where user_id = $1",
    [ada.userId],
  );
  assert.equal(keys, 4);
});

test("S06: guesses at the password of a key are counted, and a key that needs none forgives none", async () => {
  const ada = await api.register();
  const statuses = [];
  for (let round = 0; round < 6; round += 1) {
    for (let tries = 0; tries < 3; tries += 1) {
      statuses.push((await ask(ada.token, { password: "not the password" })).status);
    }
    assert.equal((await ask(ada.token)).status, 201);
  }
  assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429]);
});

test("S04: a change of the password says how many keys live, and ends them when asked to", async () => {
  const ada = await api.register();
  const keys = [await makeKey(ada), await makeKey(ada)];
  assert.deepEqual(await Promise.all(keys.map(({ key }) => meStatus(key))), [200, 200]);
  const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
  const kept = await call(ada.token, "PUT", "/auth/password", change);
  assert.deepEqual(kept.body, { endedSessions: 0, revokedApiKeys: 0, liveApiKeys: 2 });
  assert.deepEqual(await Promise.all(keys.map(({ key }) => meStatus(key))), [200, 200]);
  const back = { currentPassword: NEW_PASSWORD, newPassword: PASSWORD, revokeApiKeys: true };
  const ended = await call(ada.token, "PUT", "/auth/password", back);
  assert.deepEqual(ended.body, { endedSessions: 0, revokedApiKeys: 2, liveApiKeys: 0 });
  assert.deepEqual(await Promise.all(keys.map(({ key }) => meStatus(key))), [401, 401]);
  const entries = await logged("password.changed", ada.userId);
  assert.deepEqual(
    entries.map(({ details }) => [details.revokedApiKeys, details.liveApiKeys]),
    [
      [0, 2],
      [2, 0],
    ],
  );
});

test("A22: a key of an administrator opens no way to sign in as anybody, and makes nobody administrator", async () => {
  const admin = await promoted();
  const other = await api.register();
  await enableSecondFactor(api.request, other);
  const { key } = await makeKey(admin, ["read", "run", "write", "admin"]);
  assert.equal((await call(key, "GET", "/api/admin/users")).status, 200);
  for (const { userId, email } of [admin, other]) {
    const path = `/api/admin/users/${userId}`;
    for (const [method, url, body] of [
      // Who is the successor owns what only they owned.
      ["POST", `${path}/erase`, { confirm: email, successorId: admin.userId }],
      ["POST", `${path}/reset-link`, undefined],
      ["POST", `${path}/mfa-reset`, { reason: "lost phone" }],
      ["PATCH", path, { isAdmin: true }],
      ["PATCH", path, { isAdmin: false }],
      ["PATCH", path, { isAdmin: true, disabled: false }],
    ] as const) {
      const reply = await call(key, method, url, body);
      assert.deepEqual([reply.status, reply.body.code], [403, "forbidden"], `${method} ${url}`);
    }
  }
  assert.equal((await asAdmin(database, "select from erasures")).length, 0);
  const tokens = await asAdmin(database, "select from reset_tokens where user_id = any ($1)", [
    [admin.userId, other.userId],
  ]);
  assert.equal(tokens.length, 0);
  const factors = await asAdmin(
    database,
    "select from users where id = $1 and totp_enabled_at is not null and not is_admin",
    [other.userId],
  );
  assert.equal(factors.length, 1);
  const reset = await call(admin.token, "POST", `/api/admin/users/${other.userId}/reset-link`);
  assert.equal(reset.status, 200, "a session still may");
});

test("A22: a key of an administrator points no reference to the operator's secrets anywhere", async () => {
  const admin = await promoted();
  const { key } = await makeKey(admin, ["read", "run", "write", "admin"]);
  const data = { name: "ATELIER_SECRET_X", as: { type: "http.bearer" } };
  const body = { name: "theirs", type: "ref.env", data, allowedHosts: ["api.example.com"] };
  const refused = await call(key, "POST", "/api/credentials", body);
  assert.deepEqual([refused.status, refused.body.code], [403, "forbidden"]);
  const made = await call(admin.token, "POST", "/api/credentials", body);
  assert.equal(made.status, 201, "a session still may");
  const path = `/api/credentials/${made.body.id}`;
  assert.equal((await call(key, "PATCH", path, { allowedHosts: ["thief.example.com"] })).status, 403);
});

test("A22: a key that may write but not run has nothing run by the clock or a webhook either", async () => {
  const ada = await api.register();
  const workflowId = await createWorkflow(api.request, ada, chain());
  const timing = { workflowId, cron: "0 * * * *", enabled: false };
  const verify = { type: "bearer" };
  const [schedule, hook] = [
    await call(ada.token, "POST", "/api/schedules", timing),
    await call(ada.token, "POST", "/api/webhooks", { workflowId, name: "h", verify }),
  ];
  const attempts = [
    ["POST", "/api/schedules", timing],
    ["PATCH", `/api/schedules/${schedule.body.id}`, { enabled: true }],
    ["PATCH", `/api/schedules/${schedule.body.id}`, { input: { a: 1 } }],
    ["POST", "/api/webhooks", { workflowId, name: "h", verify }],
    ["PATCH", `/api/webhooks/${hook.body.id}`, { enabled: true }],
    ["POST", `/api/webhooks/${hook.body.id}/rotate`, {}],
  ] as const;
  const { key: writer } = await makeKey(ada, ["read", "write", "approve", "admin"]);
  const { key: runner } = await makeKey(ada, ["run", "write"]);
  for (const [method, path, body] of attempts) {
    const reply = await call(writer, method, path, body);
    assert.deepEqual([reply.status, reply.body.code], [403, "scope_missing"], `${method} ${path}`);
    assert.ok((await call(runner, method, path, body)).status < 300, `${method} ${path}`);
  }
});

test("A22: a key of an administrator does nothing to its own person, and lets others be helped", async () => {
  const admin = await promoted();
  const other = await api.register();
  const { id, key } = await makeKey(admin, ["admin"]);
  const own = `/api/admin/users/${admin.userId}`;
  for (const [method, path, body] of [
    ["PATCH", own, { disabled: true }],
    ["PATCH", own, { disabled: false }],
    ["DELETE", `${own}/sessions`, undefined],
    ["GET", `${own}/api-keys`, undefined],
    ["DELETE", `${own}/api-keys`, undefined],
    ["DELETE", `${own}/api-keys/${id}`, undefined],
    ["PUT", "/auth/password", { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }],
    ["POST", "/auth/mfa/setup", { password: PASSWORD }],
    ["POST", "/auth/mfa/disable", { password: PASSWORD, totp: "000000" }],
    ["DELETE", "/auth/sessions", undefined],
    ["POST", "/auth/api-keys", { name: "more", scopes: ["admin"] }],
    ["DELETE", `/auth/api-keys/${id}`, undefined],
    ["POST", "/auth/queues-session", undefined],
  ] as const) {
    const reply = await call(key, method, path, body);
    assert.deepEqual([reply.status, reply.body.code], [403, "forbidden"], `${method} ${path}`);
  }
  assert.equal(await meStatus(admin.token), 200);
  const disabled = await call(key, "PATCH", `/api/admin/users/${other.userId}`, { disabled: true });
  assert.equal(disabled.status, 200, disabled.text);
});

test("S20: an administrator sees and ends the keys of others, on the next request and in the instance's log", async () => {
  const ada = await api.register();
  const [first, second, third] = [await makeKey(ada), await makeKey(ada), await makeKey(ada)];
  assert.equal(await meStatus(first.key), 200);
  const path = `/api/admin/users/${ada.userId}/api-keys`;
  const page = await call(root.token, "GET", `${path}?limit=2`);
  const items = page.body.items as Record<string, unknown>[];
  assert.deepEqual(
    items.map((item) => item.id),
    [third.id, second.id],
  );
  const rest = await call(root.token, "GET", `${path}?limit=2&cursor=${page.body.nextCursor}`);
  assert.deepEqual(
    (rest.body.items as Record<string, unknown>[]).map((item) => item.id),
    [first.id],
  );
  assert.equal(
    [first, second, third].some(({ key }) => `${page.text}${rest.text}`.includes(key)),
    false,
  );
  assert.equal(/hash/i.test(page.text), false);

  for (let times = 0; times < 2; times += 1) {
    assert.equal((await call(root.token, "DELETE", `${path}/${first.id}`)).status, 204);
  }
  assert.deepEqual([await meStatus(first.key), await meStatus(second.key)], [401, 200]);
  const own = await makeKey(root);
  assert.equal((await call(root.token, "DELETE", `${path}/${own.id}`)).status, 404);
  assert.equal(await meStatus(own.key), 200);
  assert.deepEqual((await call(root.token, "DELETE", path)).body, { revoked: 2 });
  assert.deepEqual([await meStatus(second.key), await meStatus(third.key)], [401, 401]);
  for (const [method, url] of [
    ["GET", path],
    ["DELETE", path],
    ["DELETE", `${path}/${first.id}`],
  ] as const) {
    assert.equal((await call(ada.token, method, url)).status, 403);
  }
  const nobody = path.replace(ada.userId, first.id);
  assert.equal((await call(root.token, "GET", nobody)).status, 404);
  assert.equal((await call(root.token, "DELETE", nobody)).status, 404);

  const instance = "00000000-0000-0000-0000-000000000000";
  const [one, ...more] = await logged("api_key.revoked", first.id);
  assert.deepEqual([one?.actor_id, one?.chain_id, more.length], [root.userId, instance, 0]);
  assert.equal(one?.details.userId, ada.userId);
  const [all] = await logged("user.api_keys_revoked", ada.userId);
  assert.deepEqual([all?.actor_id, all?.chain_id], [root.userId, instance]);
  assert.deepEqual(new Set(all?.details.apiKeys as string[]), new Set([second.id, third.id]));
});

async function promoted(): Promise<Person> {
  const person = await api.register();
  const path = `/api/admin/users/${person.userId}`;
  assert.equal((await call(root.token, "PATCH", path, { isAdmin: true })).status, 200);
  return person;
}
