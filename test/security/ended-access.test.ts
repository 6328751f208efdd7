// Access that ends: a disabled person and a session that is over, with look-ups cached longer than any test takes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../support/api.ts";
import { cookieOf, PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";

let database: TestDatabase;
let api: TestApi;
let admin: Person;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl, { actorCacheMs: 3_600_000 });
  // The first person of an instance is its administrator.
  admin = await api.register();
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const meStatus = async ({ token }: Pick<Person, "token">) =>
  (await api.request("GET", "/auth/me", { token })).status;
const login = ({ email }: Person) =>
  api.request<{ accessToken: string; code: string }>("POST", "/auth/login", {
    body: { email, password: PASSWORD },
  });
const refresh = (cookie: string) => api.request("POST", "/auth/refresh", { cookie });
const setDisabled = async (person: Person, disabled: boolean) => {
  const reply = await api.request("PATCH", `/api/admin/users/${person.userId}`, {
    token: admin.token,
    body: { disabled },
  });
  assert.equal(reply.status, 200, reply.text);
};

test("A09: a disabled person is out with the next request: token, cookie and password", async () => {
  for (let turn = 0; turn < 5; turn += 1) {
    const person = await api.register();
    assert.equal(await meStatus(person), 200);
    await setDisabled(person, true);
    assert.equal(await meStatus(person), 401);
    assert.equal((await refresh(person.cookie)).status, 401);
    assert.equal((await login(person)).body.code, "invalid_credentials");
  }
});

test("A09: who is enabled again signs in anew; what they held before stays dead", async () => {
  const person = await api.register();
  await setDisabled(person, true);
  await setDisabled(person, false);
  assert.equal((await login(person)).status, 200);
  assert.equal(await meStatus(person), 401);
  assert.equal((await refresh(person.cookie)).status, 401);
});

test("A09: a logged-out session is out with the next request, by cookie and by token", async () => {
  for (const by of ["cookie", "token"] as const) {
    const person = await api.register();
    assert.equal(await meStatus(person), 200);
    const proof = by === "cookie" ? { cookie: person.cookie } : { token: person.token };
    assert.equal((await api.request("POST", "/auth/logout", proof)).status, 204);
    assert.equal(await meStatus(person), 401, by);
    assert.equal((await refresh(person.cookie)).status, 401, by);
  }
});

test("A0A: whose refresh token was used twice, ten seconds apart, loses their cached access at once", async () => {
  const person = await api.register();
  const second = await refresh(person.cookie);
  assert.equal(second.status, 200);
  assert.equal(await meStatus(person), 200);
  await asAdmin(
    database,
    `update refresh_tokens set rotated_at = rotated_at - interval '11 seconds'
     where session_id in (select id from sessions where user_id = $1)`,
    [person.userId],
  );
  assert.equal((await refresh(person.cookie)).status, 401);
  assert.equal((await refresh(cookieOf(second))).status, 401);
  assert.equal(await meStatus(person), 401);
});

test("A0B: signing in makes a session of its own whatever cookie came along, and tells its token to the cookie only", async () => {
  const [victim, attacker] = [await api.register(), await api.register()];
  const reply = await api.request("POST", "/auth/login", {
    body: { email: victim.email, password: PASSWORD },
    cookie: attacker.cookie,
  });
  const token = cookieOf(reply).split("=")[1] ?? "";
  assert.match(token, /^[\w-]{43}$/);
  assert.notEqual(cookieOf(reply), attacker.cookie);
  assert.equal(reply.text.includes(token), false);
  const refreshed = await refresh(cookieOf(reply));
  assert.equal(refreshed.text.includes(cookieOf(refreshed).split("=")[1] ?? "missing"), false);
  assert.equal((await refresh(attacker.cookie)).status, 200, "the other session is still its owner's");
});
