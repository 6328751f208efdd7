// Registration, login and "who am I" over real HTTP and a real database.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { cookieOf, PASSWORD } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";

type Grant = {
  user: { id: string; email: string; name: string; isAdmin: boolean };
  workspaceId: string;
  accessToken: string;
  tokenType: string;
  expiresIn: number;
  code?: string;
};
type Me = { user: { id: string }; workspaces: { id: string; name: string; role: string }[] };

let database: TestDatabase;
let api: TestApi;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl, { denialsEveryMs: 20 });
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const register = (body: unknown, headers = {}) =>
  api.request<Grant>("POST", "/auth/register", { body, headers });
const login = (email: unknown, password: unknown) =>
  api.request<Grant>("POST", "/auth/login", { body: { email, password } });

test("of people who register at the same moment exactly one becomes the administrator", async () => {
  const replies = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      register({ email: `first${index}@example.com`, password: PASSWORD }),
    ),
  );
  assert.deepEqual(
    replies.map((reply) => reply.status),
    Array(6).fill(201),
  );
  assert.equal(replies.filter((reply) => reply.body.user.isAdmin).length, 1);
});

test("registration signs in, makes a personal workspace and leaves its mark in the audit log", async () => {
  const reply = await register({ email: "  Ada@Example.COM ", password: PASSWORD, name: "Ada" });
  assert.equal(reply.status, 201);
  const { user, workspaceId, accessToken, tokenType, expiresIn } = reply.body;
  assert.deepEqual({ ...user, id: "" }, { id: "", email: "ada@example.com", name: "Ada", isAdmin: false });
  assert.deepEqual({ tokenType, expiresIn }, { tokenType: "Bearer", expiresIn: 600 });
  assert.match(
    reply.headers.getSetCookie()[0] ?? "",
    /^atelier_refresh=[\w-]{43}; Max-Age=1209600; Path=\/auth; HttpOnly; SameSite=Strict$/,
  );
  const me = await api.request<Me>("GET", "/auth/me", { token: accessToken });
  assert.deepEqual(me.body, {
    user,
    totpEnabled: false,
    workspaces: [{ id: workspaceId, name: "Ada's workspace", role: "owner", needsTotp: false }],
  });
  const entries = await asAdmin<{ action: string }>(
    database,
    "select action from audit_logs where actor_id = $1 order by seq",
    [user.id],
  );
  assert.deepEqual(
    entries.map((entry) => entry.action),
    ["user.registered", "session.started"],
  );
  const stored = await asAdmin<{ hash: string }>(
    database,
    "select password_hash as hash from users where id = $1",
    [user.id],
  );
  assert.match(stored[0]?.hash ?? "", /^\$argon2id\$/);
});

test("an e-mail is taken in any case, also when two ask at once, and nothing is left of the loser", async () => {
  const [a, b] = await Promise.all([
    register({ email: "twice@example.com", password: PASSWORD }),
    register({ email: "TWICE@example.com", password: PASSWORD }),
  ]);
  assert.deepEqual([a?.status, b?.status].sort(), [201, 409]);
  const again = await register({ email: "twice@EXAMPLE.com", password: PASSWORD });
  assert.deepEqual([again.status, again.body.code], [409, "email_taken"]);
  const left = await asAdmin<{ people: number; orphans: number }>(
    database,
    `select count(*)::int as people, (select count(*)::int from workspaces w
       where not exists (select from users u where u.id = w.created_by)) as orphans
     from users where lower(email) = 'twice@example.com'`,
  );
  assert.deepEqual(left, [{ people: 1, orphans: 0 }]);
});

test("nobody promotes themselves or picks an id", async () => {
  for (const extra of [
    { isAdmin: true },
    { role: "admin" },
    { id: crypto.randomUUID() },
    { workspaceId: "x" },
  ]) {
    const email = `${crypto.randomUUID()}@example.com`;
    const reply = await register({ email, password: PASSWORD, ...extra });
    assert.deepEqual([reply.status, reply.body.code], [400, "invalid_request"], JSON.stringify(extra));
    assert.equal((await login(email, PASSWORD)).status, 401);
  }
});

test("passwords count to the byte: spaces, case, normal form and length", async () => {
  const email = "bytes@example.com";
  const password = ` Pass\u0065\u0301 ${"x".repeat(64)} `;
  assert.equal((await register({ email, password })).status, 201);
  assert.equal((await login(email, password)).status, 200);
  for (const wrong of [
    password.trim(),
    password.normalize("NFC"),
    password.toLowerCase(),
    password.slice(0, 72),
  ]) {
    assert.equal((await login(email, wrong)).status, 401, JSON.stringify(wrong));
  }
  for (const bad of ["seven77", "x".repeat(1_025), "x".repeat(1_000_000)]) {
    const reply = await register({ email: "other@example.com", password: bad });
    assert.equal(reply.status, 400, `${bad.length} characters`);
  }
  assert.equal((await register({ email: "long@example.com", password: "x".repeat(1_024) })).status, 201);
});

test("an unknown person and a wrong password get the same answer", async () => {
  const { email } = await api.register();
  const unknown = await login("nobody@example.com", PASSWORD);
  const wrong = await login(email, `${PASSWORD}!`);
  const strip = ({ status, headers, body }: typeof wrong) => ({
    status,
    body: { ...body, requestId: "" },
    headers: [...headers].filter(([name]) => !["x-request-id", "date", "content-length"].includes(name)),
  });
  assert.equal(wrong.status, 401);
  assert.equal(wrong.body.code, "invalid_credentials");
  assert.deepEqual(strip(unknown), strip(wrong));
});

test("a disabled person can neither log in nor use a token they have", async () => {
  const person = await api.register();
  await asAdmin(database, "update users set disabled_at = now() where id = $1", [person.userId]);
  assert.equal((await login(person.email, PASSWORD)).body.code, "invalid_credentials");
  assert.equal((await api.request("GET", "/auth/me", { token: person.token })).status, 401);
  assert.equal((await api.request("POST", "/auth/refresh", { cookie: person.cookie })).status, 401);
});

test("login is its own session, and a failed one is in the audit log without what was typed", async () => {
  const person = await api.register();
  const reply = await login(person.email.toUpperCase(), PASSWORD);
  assert.equal(reply.status, 200);
  assert.equal(reply.body.workspaceId, person.workspaceId);
  assert.notEqual(cookieOf(reply), person.cookie);
  await login(person.email, "not the password");
  const rows = await untilDenied(person.userId);
  assert.equal(rows.length, 1);
  assert.equal(rows[0]?.actor, null);
  assert.equal(rows[0]?.details.code, "invalid_credentials");
  assert.equal(rows[0]?.details.count, 1);
  assert.doesNotMatch(JSON.stringify(rows), /not the password|@example/);
});

type Denied = { actor: string | null; details: { code: string; count: number } };

async function untilDenied(userId: string): Promise<Denied[]> {
  for (let round = 0; round < 200; round++) {
    const rows = await asAdmin<Denied>(
      database,
      "select actor_id as actor, details from audit_logs where action = 'access.denied' and target_id = $1",
      [userId],
    );
    if (rows.length > 0) return rows;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return [];
}

test("bearer tokens that are not ours answer 401 with a challenge", async () => {
  const { token } = await api.register();
  const [head = "", claims = ""] = token.split(".");
  const none = Buffer.from('{"alg":"none","typ":"at+jwt","kid":"test"}').toString("base64url");
  const bad = ["", "x", "..", `${head}.${claims}.`, `${none}.${claims}.`, `${token}x`, "a".repeat(8_000)];
  for (const authorization of [
    ...bad.map((text) => `Bearer ${text}`),
    `Basic ${token}`,
    token,
    `Bearer ${token}, x`,
  ]) {
    const reply = await api.request("GET", "/auth/me", { headers: { authorization } });
    assert.equal(reply.status, 401, authorization.slice(0, 80));
    assert.match(reply.headers.get("www-authenticate") ?? "", /^Bearer/);
  }
  assert.equal((await api.request("GET", `/auth/me?access_token=${token}`)).status, 401);
});
