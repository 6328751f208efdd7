// One's own sessions: which are shown, which end, and that the end counts with the next request.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { cookieOf, PASSWORD, type Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";

type Session = { id: string; client: string; userAgent: string; current: boolean; createdAt: string };
type Page = { items: Session[]; nextCursor: string | null };

let database: TestDatabase;
let api: TestApi;

before(async () => {
  database = await createTestDatabase();
  // Longer than the five seconds of a deployment: nothing here passes because time did.
  api = await startTestApi(database.databaseUrl, { actorCacheMs: 3_600_000 });
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const login = async ({ email }: Person, userAgent = "test") => {
  const reply = await api.request<{ accessToken: string }>("POST", "/auth/login", {
    body: { email, password: PASSWORD },
    headers: { "user-agent": userAgent },
  });
  return { token: reply.body.accessToken, cookie: cookieOf(reply) };
};
const list = async (token: string, query = "") =>
  (await api.request<Page>("GET", `/auth/sessions${query}`, { token })).body;
const end = (token: string, id = "") =>
  api.request("DELETE", id === "" ? "/auth/sessions" : `/auth/sessions/${id}`, { token });
const meStatus = async (token: string) => (await api.request("GET", "/auth/me", { token })).status;
const refreshStatus = async (cookie: string) =>
  (await api.request("POST", "/auth/refresh", { cookie })).status;

test("the list shows every live session, newest first, and which one asks", async () => {
  const person = await api.register();
  const phone = await login(person, "Phone/1.0");
  const { items, nextCursor } = await list(person.token);
  assert.equal(nextCursor, null);
  assert.deepEqual(
    items.map(({ userAgent, client, current }) => [userAgent, client, current]),
    [
      ["Phone/1.0", "127.0.0.1", false],
      ["node", "127.0.0.1", true],
    ],
  );
  assert.deepEqual(Object.keys(items[0] ?? {}).sort(), [
    "client",
    "createdAt",
    "current",
    "id",
    "lastUsedAt",
    "userAgent",
  ]);
  const [first] = (await list(phone.token)).items;
  assert.deepEqual([first?.userAgent, first?.current], ["Phone/1.0", true]);
  const page = await list(person.token, "?limit=1");
  assert.deepEqual(page.items, items.slice(0, 1));
  const next = await list(person.token, `?limit=1&cursor=${page.nextCursor}`);
  assert.deepEqual([next.items, next.nextCursor], [items.slice(1), null]);
});

test("A09: a session that is ended opens nothing with the next request, and leaves the list", async () => {
  const person = await api.register();
  const phone = await login(person);
  assert.equal(await meStatus(phone.token), 200);
  const [target] = (await list(person.token)).items;
  assert.equal((await end(person.token, target?.id)).status, 204);
  assert.equal(await meStatus(phone.token), 401);
  assert.equal(await refreshStatus(phone.cookie), 401);
  assert.equal(await meStatus(person.token), 200);
  assert.equal((await list(person.token)).items.length, 1);
  assert.equal((await end(person.token, target?.id)).status, 404, "once more");
  const rows = await asAdmin<{ actor: string }>(
    database,
    "select actor_id as actor from audit_logs where action = 'session.ended' and target_id = $1",
    [target?.id],
  );
  assert.deepEqual(rows, [{ actor: person.userId }]);
});

test("all others end at once, this one goes on", async () => {
  const person = await api.register();
  const others = [await login(person), await login(person)];
  for (const { token } of others) assert.equal(await meStatus(token), 200);
  assert.equal((await end(person.token)).status, 204);
  for (const { token, cookie } of others) {
    assert.equal(await meStatus(token), 401);
    assert.equal(await refreshStatus(cookie), 401);
  }
  assert.deepEqual(
    (await list(person.token)).items.map((one) => one.current),
    [true],
  );
  assert.equal(await refreshStatus(person.cookie), 200);
  const rows = await asAdmin<{ details: unknown }>(
    database,
    "select details from audit_logs where action = 'session.others_ended' and actor_id = $1",
    [person.userId],
  );
  assert.deepEqual(rows, [{ details: { endedSessions: 2 } }]);
});

test("one's own session can be ended like any other", async () => {
  const person = await api.register();
  const [own] = (await list(person.token)).items;
  assert.equal((await end(person.token, own?.id)).status, 204);
  assert.equal(await meStatus(person.token), 401);
});

test("somebody else's session is not there", async () => {
  const [ada, eve] = [await api.register(), await api.register()];
  const [target] = (await list(ada.token)).items;
  const foreign = await end(eve.token, target?.id);
  const unknown = await end(eve.token, crypto.randomUUID());
  assert.deepEqual([foreign.status, foreign.body.code], [404, "not_found"]);
  assert.deepEqual({ ...foreign.body, requestId: "" }, { ...unknown.body, requestId: "" });
  assert.equal((await end(eve.token, "not-an-id")).status, 404);
  await end(eve.token);
  assert.equal(await meStatus(ada.token), 200);
  assert.equal(await refreshStatus(ada.cookie), 200);
  const seen = (await list(eve.token)).items.map((one) => one.id);
  assert.equal(seen.includes(target?.id ?? ""), false);
});

test("idle, old and ended sessions are not shown", async () => {
  const person = await api.register();
  for (const change of ["idle_expires_at = now()", "expires_at = now()", "ended_at = now()"]) {
    await login(person, change);
    await asAdmin(database, `update sessions set ${change} where user_agent = $1 and user_id = $2`, [
      change,
      person.userId,
    ]);
  }
  assert.equal((await list(person.token)).items.length, 1);
});

test("A0A: refreshes at the moment of a logout end with the session dead, whoever was first", async () => {
  const person = await api.register();
  const [refreshed, loggedOut] = await Promise.all([
    api.request("POST", "/auth/refresh", { cookie: person.cookie }),
    api.request("POST", "/auth/logout", { cookie: person.cookie }),
  ]);
  assert.equal(loggedOut.status, 204);
  assert.equal(await meStatus(person.token), 401);
  assert.equal(await refreshStatus(person.cookie), 401);
  if (refreshed.status === 200) assert.equal(await refreshStatus(cookieOf(refreshed)), 401);
});
