// Sessions: rotation, reuse, logout, expiry, and the cookie's guards.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { cookieOf, PASSWORD, type Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";

let database: TestDatabase;
let api: TestApi;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const refresh = (cookie: string, headers = {}) => api.request("POST", "/auth/refresh", { cookie, headers });
const meStatus = async (token: string) => (await api.request("GET", "/auth/me", { token })).status;
const age = (person: Person) =>
  asAdmin(
    database,
    `update refresh_tokens set rotated_at = rotated_at - interval '11 seconds'
     where session_id in (select id from sessions where user_id = $1)`,
    [person.userId],
  );
const auditOf = async (person: Person) =>
  (
    await asAdmin<{ action: string }>(
      database,
      "select action from audit_logs where actor_id = $1 order by seq",
      [person.userId],
    )
  ).map((row) => row.action);

test("a refresh gives a new access token and a new cookie, and the chain goes on", async () => {
  const person = await api.register();
  let cookie = person.cookie;
  for (let turn = 0; turn < 3; turn += 1) {
    const reply = await refresh(cookie);
    assert.equal(reply.status, 200);
    assert.deepEqual(Object.keys(reply.body).sort(), ["accessToken", "expiresIn", "tokenType"]);
    assert.equal(await meStatus(`${reply.body.accessToken}`), 200);
    assert.notEqual(cookieOf(reply), cookie);
    cookie = cookieOf(reply);
  }
});

test("tokens are stored as hashes only", async () => {
  const { cookie } = await api.register();
  const token = cookie.split("=")[1] ?? "";
  const rows = await asAdmin<{ found: number }>(
    database,
    "select count(*)::int as found from refresh_tokens where token_hash = $1 or token_hash = sha256($1)",
    [Buffer.from(token)],
  );
  const plain = await asAdmin<{ found: number }>(
    database,
    "select count(*)::int as found from refresh_tokens where position($1 in encode(token_hash, 'escape')) > 0",
    [token],
  );
  assert.deepEqual([rows[0]?.found, plain[0]?.found], [1, 0]);
});

test("A0A: twenty refreshes with one token leave exactly one lineage", async () => {
  const person = await api.register();
  const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(person.cookie)));
  const winners = replies.filter((reply) => reply.status === 200);
  const losers = replies.filter((reply) => reply.status === 409 && reply.body.code === "refresh_conflict");
  assert.deepEqual([winners.length, losers.length], [1, 19]);
  assert.ok(
    losers.every((reply) => reply.headers.getSetCookie().length === 0),
    "a loser keeps the winner's cookie",
  );
  assert.equal((await refresh(cookieOf(winners[0] as (typeof winners)[0]))).status, 200);
});

test("A0A: a token used again later ends the whole session", async () => {
  const person = await api.register();
  const second = await refresh(person.cookie);
  await age(person);
  const replay = await refresh(person.cookie);
  assert.deepEqual([replay.status, replay.body.code], [401, "invalid_refresh_token"]);
  assert.match(replay.headers.getSetCookie()[0] ?? "", /^atelier_refresh=; Max-Age=0/);
  assert.equal((await refresh(cookieOf(second))).status, 401, "the newer token is dead too");
  assert.equal(await meStatus(`${second.body.accessToken}`), 401, "and so are its access tokens");
  assert.deepEqual(await auditOf(person), ["user.registered", "session.started", "session.reuse_detected"]);
});

test("another session of the same person lives on after a reuse", async () => {
  const person = await api.register();
  const other = await api.request<{ accessToken: string }>("POST", "/auth/login", {
    body: { email: person.email, password: PASSWORD },
  });
  await refresh(person.cookie);
  await age(person);
  assert.equal((await refresh(person.cookie)).status, 401);
  assert.equal(await meStatus(other.body.accessToken), 200);
});

test("logout by cookie ends the session at once and is recorded", async () => {
  const person = await api.register();
  const reply = await api.request("POST", "/auth/logout", { cookie: person.cookie });
  assert.equal(reply.status, 204);
  assert.match(reply.headers.getSetCookie()[0] ?? "", /^atelier_refresh=; Max-Age=0; Path=\/auth/);
  assert.equal(await meStatus(person.token), 401);
  assert.equal((await refresh(person.cookie)).status, 401);
  assert.deepEqual(await auditOf(person), ["user.registered", "session.started", "session.ended"]);
  const again = await api.request("POST", "/auth/logout", { cookie: person.cookie, token: person.token });
  assert.equal(again.status, 204, "once more is no error");
});

test("logout by access token alone works too, and clears this process's cached look-up", async () => {
  const cached = await startTestApi(database.databaseUrl, { actorCacheMs: 3_600_000 });
  try {
    const person = await cached.register();
    const me = async () => (await cached.request("GET", "/auth/me", { token: person.token })).status;
    assert.equal(await me(), 200);
    assert.equal((await cached.request("POST", "/auth/logout", { token: person.token })).status, 204);
    assert.equal(await me(), 401);
    assert.equal((await refresh(person.cookie)).status, 401);
  } finally {
    await cached.close();
  }
});

test("idle and absolute age end a session", async () => {
  for (const column of ["idle_expires_at", "expires_at"]) {
    const person = await api.register();
    await asAdmin(
      database,
      `update sessions set ${column} = now() - interval '1 second' where user_id = $1`,
      [person.userId],
    );
    assert.equal(await meStatus(person.token), 401, column);
    assert.equal((await refresh(person.cookie)).status, 401, column);
  }
  const person = await api.register();
  const [session] = await asAdmin<{ idle: number; absolute: number }>(
    database,
    `select extract(day from idle_expires_at - created_at)::int as idle,
       extract(day from expires_at - created_at + interval '1 minute')::int as absolute
     from sessions where user_id = $1`,
    [person.userId],
  );
  assert.deepEqual(session, { idle: 14, absolute: 30 });
});

test("S70: how long an idle and any session lives is the operator's to say, at sign-in and at every refresh", async () => {
  const environment = { SESSION_IDLE_MINUTES: "15", SESSION_MAX_HOURS: "8" };
  const strict = await startTestApi(database.databaseUrl, { environment });
  try {
    const person = await strict.register();
    const ages = `select round(extract(epoch from idle_expires_at - last_used_at) / 60)::int as idle,
      round(extract(epoch from expires_at - created_at) / 3600)::int as absolute from sessions where user_id = $1`;
    assert.deepEqual(await asAdmin(database, ages, [person.userId]), [{ idle: 15, absolute: 8 }]);
    await asAdmin(
      database,
      "update sessions set idle_expires_at = now() + interval '1 day' where user_id = $1",
      [person.userId],
    );
    const reply = await strict.request("POST", "/auth/refresh", { cookie: person.cookie });
    assert.equal(reply.status, 200);
    assert.match(reply.headers.get("set-cookie") ?? "", /Max-Age=900;/);
    assert.deepEqual(await asAdmin(database, ages, [person.userId]), [{ idle: 15, absolute: 8 }]);
  } finally {
    await strict.close();
  }
});

test("other sites cannot use the cookie, own pages and programs can", async () => {
  const { cookie } = await api.register();
  const foreign = [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: `${api.url}.evil.example` },
  ];
  for (const path of ["/auth/refresh", "/auth/logout", "/auth/login", "/auth/register"]) {
    const body = { email: "site@example.com", password: PASSWORD };
    for (const headers of foreign) {
      const options = path.match(/login|register/) ? { headers, body } : { headers, cookie };
      const reply = await api.request("POST", path, options);
      assert.deepEqual(
        [reply.status, reply.body.code],
        [403, "cross_site"],
        `${path} ${JSON.stringify(headers)}`,
      );
    }
  }
  assert.equal((await refresh(cookie, { origin: api.url, "sec-fetch-site": "same-origin" })).status, 200);
});

test("an access token is no refresh token and the other way round", async () => {
  const { cookie, token } = await api.register();
  assert.equal((await refresh(`atelier_refresh=${token}`)).status, 401);
  assert.equal(await meStatus(cookie.split("=")[1] ?? ""), 401);
  assert.equal(
    (await api.request("GET", "/auth/me", { cookie })).status,
    401,
    "a cookie opens nothing but /auth",
  );
  for (const bad of ["", "atelier_refresh=", "atelier_refresh=undefined", "atelier_refresh=%00", "x"]) {
    assert.equal((await refresh(bad)).status, 401, bad);
  }
});

test("A0B: behind https the cookie is __Host- and Secure", async () => {
  const secure = await startTestApi(database.databaseUrl, {
    environment: { PUBLIC_URL: "https://studio.example" },
  });
  try {
    const body = { email: `${crypto.randomUUID()}@example.com`, password: PASSWORD };
    const reply = await secure.request("POST", "/auth/register", {
      body,
      headers: { origin: "https://studio.example" },
    });
    assert.match(
      reply.headers.getSetCookie()[0] ?? "",
      /^__Host-atelier_refresh=[\w-]{43}; Max-Age=1209600; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    assert.equal((await secure.request("POST", "/auth/refresh", { cookie: cookieOf(reply) })).status, 200);
  } finally {
    await secure.close();
  }
});
