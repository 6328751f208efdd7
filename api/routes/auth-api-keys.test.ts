// API keys over HTTP: made by a person, used by a program, narrowed by scope and workspace, dead when revoked.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createApiKey } from "#core/crypto/api-keys.ts";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { chain, createWorkflow, submit } from "../../test/support/workflows.ts";

type Made = { id: string; key: string; hint: string; expiresAt: string; scopes: string[] };

const PATH = "/auth/api-keys";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let database: TestDatabase;
let api: TestApi;
let cached: TestApi;
let ada: Person;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  cached = await startTestApi(database.databaseUrl, { actorCacheMs: HOUR_MS });
  ada = await api.register();
});
after(async () => {
  await Promise.all([api?.close(), cached?.close()]);
  await database?.drop();
});

async function make(person: Person, wish: Record<string, unknown> = {}): Promise<Made> {
  const body = { name: "ci", scopes: ["read", "run", "write"], ...wish };
  const reply = await api.request<Made>("POST", PATH, { token: person.token, body });
  assert.equal(reply.status, 201, reply.text);
  return reply.body;
}

const list = (person: Person) =>
  api.request<{ items: Record<string, unknown>[]; nextCursor: string | null }>("GET", PATH, {
    token: person.token,
  });
const me = (on: TestApi, token: string) =>
  on.request<{ user: { id: string }; workspaces: { id: string }[] }>("GET", "/auth/me", { token });
const untilRefused = async (on: TestApi, token: string) => {
  while ((await me(on, token)).status !== 401) await delay(20);
};

test("a key is shown once, works as a bearer, and is stored as its SHA-256 alone", async () => {
  const { key, ...made } = await make(ada, { name: " nightly " });
  assert.equal((await me(api, key)).body.user.id, ada.userId);
  const listed = await list(ada);
  assert.equal(listed.text.includes(key), false);
  const item = listed.body.items.find(({ id }) => id === made.id);
  assert.deepEqual({ ...item, lastUsedAt: null }, { ...made, name: "nightly" });
  const days = (Date.parse(made.expiresAt) - Date.now()) / DAY_MS;
  assert.ok(days > 89.9 && days <= 90, `${days} days`);
  const [row] = await asAdmin<{ hash: Buffer; text: string }>(
    database,
    "select key_hash as hash, row_to_json(k)::text as text from api_keys k where id = $1",
    [made.id],
  );
  assert.deepEqual(row?.hash, createHash("sha256").update(key).digest());
  assert.equal(row?.text.includes(key.slice(8)), false);
});

test("a wish that is out of bounds is refused", async () => {
  const wishes = [
    { expiresInDays: 366 },
    { expiresInDays: 0 },
    { expiresInDays: 1.5 },
    { scopes: [] },
    { scopes: ["root"] },
    { name: " " },
    { userId: ada.userId },
    { key: "atl_mine" },
  ];
  for (const wish of wishes) {
    const body = { name: "ci", scopes: ["read"], ...wish };
    const { status } = await api.request("POST", PATH, { token: ada.token, body });
    assert.equal(status, 400, JSON.stringify(wish));
  }
  const eve = await api.register();
  const body = { name: "ci", scopes: ["read"], workspaceId: ada.workspaceId };
  assert.equal((await api.request("POST", PATH, { token: eve.token, body })).status, 404);
});

test("a key of another never was: it is neither listed nor revoked", async () => {
  const eve = await api.register();
  const { id, key } = await make(ada);
  assert.deepEqual((await list(eve)).body.items, []);
  assert.equal((await api.request("DELETE", `${PATH}/${id}`, { token: eve.token })).status, 404);
  assert.equal((await me(api, key)).status, 200);
});

test("no key makes, sees or revokes keys, whatever its scopes", async () => {
  const { id, key } = await make(ada, { scopes: ["read", "run", "write", "admin"] });
  const body = { name: "child", scopes: ["read"] };
  assert.equal((await api.request("POST", PATH, { token: key, body })).status, 403);
  assert.equal((await api.request("GET", PATH, { token: key })).status, 403);
  assert.equal((await api.request("DELETE", `${PATH}/${id}`, { token: key })).status, 403);
});

test("A09: a revoked key is dead on the next request at every process, and stays listed for 30 days", {
  timeout: 20_000,
}, async () => {
  const { id, key } = await make(ada);
  for (const on of [api, cached]) assert.equal((await me(on, key)).status, 200);
  assert.equal((await api.request("DELETE", `${PATH}/${id}`, { token: ada.token })).status, 204);
  assert.equal((await me(api, key)).status, 401);
  await untilRefused(cached, key);
  assert.equal((await api.request("DELETE", `${PATH}/${id}`, { token: ada.token })).status, 204);
  const find = async () => (await list(ada)).body.items.find((item) => item.id === id);
  assert.ok((await find())?.revokedAt);
  await asAdmin(database, "update api_keys set revoked_at = now() - interval '31 days' where id = $1", [id]);
  assert.equal(await find(), undefined);
});

test("A09: a key revoked at a process that remembers it is dead there with the answer", async () => {
  const { id, key } = await make(ada);
  assert.equal((await me(cached, key)).status, 200);
  assert.equal((await cached.request("DELETE", `${PATH}/${id}`, { token: ada.token })).status, 204);
  assert.equal((await me(cached, key)).status, 401);
});

test("A08: a key dies at its end, even where it is remembered for longer", { timeout: 20_000 }, async () => {
  const { id, key } = await make(ada);
  await asAdmin(database, "update api_keys set expires_at = now() + interval '1 second' where id = $1", [id]);
  assert.equal((await me(cached, key)).status, 200);
  await untilRefused(cached, key);
  assert.equal((await me(api, key)).status, 401);
});

test("A09: the keys of a disabled person are dead", async () => {
  const eve = await api.register();
  const { key } = await make(eve);
  assert.equal((await me(api, key)).status, 200);
  await asAdmin(database, "update users set disabled_at = now() where id = $1", [eve.userId]);
  assert.equal((await me(api, key)).status, 401);
});

test("what is no key is 401: unknown, mistyped, in the query", async () => {
  const { key } = await make(ada);
  const typo = key.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  for (const token of [createApiKey(), typo, "atl_", key.toUpperCase()]) {
    assert.equal((await me(api, token)).status, 401, token);
  }
  assert.equal((await api.request("GET", `/auth/me?access_token=${key}`)).status, 401);
});

test("a key for one workspace opens that one only, and puts things there", async () => {
  const eve = await api.register();
  const add = "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'editor')";
  await asAdmin(database, add, [ada.workspaceId, eve.userId]);
  const personal = await createWorkflow(api.request, eve, chain());
  const { key } = await make(eve, { workspaceId: ada.workspaceId });
  const program = { ...eve, token: key };
  assert.deepEqual(
    (await me(api, key)).body.workspaces.map(({ id }) => id),
    [ada.workspaceId],
  );
  assert.equal((await api.request("GET", `/api/workflows/${personal}`, { token: key })).status, 404);
  assert.equal((await api.request("GET", `/api/workflows/${personal}`, { token: eve.token })).status, 200);
  const made = await createWorkflow(api.request, program, chain());
  const { body } = await api.request("GET", `/api/workflows/${made}`, { token: eve.token });
  assert.equal(body.workspaceId, ada.workspaceId);
});

test("what a key does is in the audit log with the key, what its person does is without", async () => {
  const { id, key } = await make(ada);
  const auditOf = (targetId: string) =>
    asAdmin<{ action: string; key: string | null; actor: string }>(
      database,
      `select action, details ->> 'apiKeyId' as key, actor_id as actor from audit_logs
       where target_id = $1 order by seq`,
      [targetId],
    );
  for (const [token, spoke] of [
    [key, id],
    [ada.token, null],
  ] as const) {
    const person = { ...ada, token };
    const workflow = await createWorkflow(api.request, person, chain());
    const execution = await submit(api.request, person, workflow);
    const written = [...(await auditOf(workflow)), ...(await auditOf(execution))];
    assert.deepEqual(
      written.map(({ action }) => action),
      ["workflow.created", "execution.submitted"],
    );
    for (const entry of written) assert.deepEqual([entry.key, entry.actor], [spoke, ada.userId]);
  }
  assert.deepEqual(
    (await auditOf(id)).map(({ action }) => action),
    ["api_key.created"],
  );
});

test("a key that may run and not read is answered 202, also when it wants to wait or asks again", async () => {
  const person = await api.register();
  const graph = {
    nodes: [{ id: "start", type: "trigger.manual", position: { x: 0, y: 0 }, data: {} }],
    edges: [],
  };
  const workflow = await api.request<{ id: string }>("POST", "/api/workflows", {
    token: person.token,
    body: { name: "w", graph },
  });
  const made = await api.request<{ key: string }>("POST", "/auth/api-keys", {
    token: person.token,
    body: { name: "runner", scopes: ["run"] },
  });
  const headers = { "idempotency-key": "once", prefer: "wait=1" };
  for (const turn of ["first", "again"]) {
    const path = `/api/workflows/${workflow.body.id}/executions`;
    const reply = await api.request("POST", path, { token: made.body.key, body: {}, headers });
    assert.deepEqual([reply.status, reply.body.status], [202, "queued"], `${turn}: ${reply.text}`);
    assert.equal(reply.headers.get("preference-applied"), null);
  }
});
