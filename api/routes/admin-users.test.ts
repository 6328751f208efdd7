// Administration over HTTP: what administrators may, what everybody else is refused, and what is written down.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createDatabase } from "#core/persistence/database.ts";
import { sql } from "#core/persistence/sql.ts";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { PASSWORD, type Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";

type User = { id: string; email: string; isAdmin: boolean; disabled: boolean; lastUsedAt: string | null };

let testDatabase: TestDatabase;
let api: TestApi;
let admin: Person;
let ada: Person;

before(async () => {
  testDatabase = await createTestDatabase();
  api = await startTestApi(testDatabase.databaseUrl);
  admin = await api.register("root@example.com");
  ada = await api.register("ada@example.com");
});
after(async () => {
  await api?.close();
  await testDatabase?.drop();
});

const call = <Body = User>(person: Person, method: string, path: string, body?: unknown) =>
  api.request<Body>(method, path, { token: person.token, ...(body !== undefined && { body }) });
const patch = (person: Person, id: string, body: unknown) =>
  call<User & { code: string }>(person, "PATCH", `/api/admin/users/${id}`, body);
const query = <Row>(text: string, values: unknown[] = []) => asAdmin<Row>(testDatabase, text, values);
const logged = (action: string, targetId: string) =>
  query<{ actor_id: string; details: Record<string, unknown>; chain_id: string }>(
    "select actor_id, details, chain_id from audit_logs where action = $1 and target_id = $2 order by seq",
    [action, targetId],
  );

test("the list finds people by a part of e-mail or name, page by page, and shows nothing of their work", async () => {
  const all = await call<{ items: User[]; nextCursor: string | null }>(
    admin,
    "GET",
    "/api/admin/users?limit=1",
  );
  assert.equal(all.status, 200);
  assert.deepEqual(
    all.body.items.map((user) => user.email),
    ["ada@example.com"],
  );
  const next = `/api/admin/users?limit=1&cursor=${all.body.nextCursor}`;
  const second = await call<{ items: User[]; nextCursor: string | null }>(admin, "GET", next);
  assert.deepEqual(
    second.body.items.map((user) => user.email),
    ["root@example.com"],
  );
  assert.equal(second.body.nextCursor, null);
  const found = await call<{ items: User[] }>(admin, "GET", "/api/admin/users?q=ADA@");
  assert.equal(found.body.items.length, 1);
  const [user] = found.body.items;
  assert.deepEqual(Object.keys(user ?? {}).toSorted(), [
    "createdAt",
    "disabled",
    "email",
    "erased",
    "id",
    "isAdmin",
    "lastUsedAt",
    "name",
    "totpEnabled",
  ]);
  assert.notEqual(user?.lastUsedAt, null, "she has a session");
  assert.deepEqual((await call<{ items: User[] }>(admin, "GET", "/api/admin/users?q=%25")).body.items, []);
});

test("A22: whoever is no administrator is refused on every route, and nothing changes", async () => {
  const one = `/api/admin/users/${admin.userId}`;
  const routes: [string, string, unknown?][] = [
    ["GET", "/api/admin/users"],
    ["GET", one],
    ["PATCH", one, { disabled: true }],
    ["PATCH", `/api/admin/users/${ada.userId}`, { isAdmin: true }],
    ["DELETE", `${one}/sessions`],
    ["POST", `${one}/reset-link`],
    ["POST", `${one}/mfa-reset`, { reason: "because" }],
    ["POST", `${one}/erase`, { confirm: admin.email }],
  ];
  for (const [method, path, body] of routes) {
    assert.equal((await call(ada, method, path, body)).status, 403, `${method} ${path}`);
    const anonymous = await api.request(method, path, body === undefined ? {} : { body });
    assert.equal(anonymous.status, 401, `${method} ${path} without a token`);
  }
  assert.deepEqual(await query("select id from users where is_admin and disabled_at is null"), [
    { id: admin.userId },
  ]);
  const sessions = "select 1 from sessions where ended_at is not null";
  assert.deepEqual(await query(sessions), []);
});

test("A24: unknown fields, empty changes and unknown people are refused", async () => {
  for (const body of [{}, { email: "x@example.com" }, { isAdmin: "yes" }, { disabled: null }, []]) {
    assert.equal((await patch(admin, ada.userId, body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await patch(admin, uuidv7(), { disabled: true })).status, 404);
  assert.equal((await patch(admin, "x", { disabled: true })).status, 404);
  for (const [method, path, body] of [
    ["GET", ""],
    ["DELETE", "/sessions"],
    ["POST", "/reset-link"],
    ["POST", "/mfa-reset", { reason: "lost phone" }],
    ["POST", "/erase", { confirm: "x" }],
  ] as const) {
    assert.equal((await call(admin, method, `/api/admin/users/${uuidv7()}${path}`, body)).status, 404, path);
  }
});

test("a disabled person's token stops at the next request, they cannot sign in, and can again once enabled", async () => {
  const eve = await api.register();
  const disabled = await patch(admin, eve.userId, { disabled: true });
  assert.equal(disabled.status, 200);
  assert.equal(disabled.body.disabled, true);
  assert.equal((await call(eve, "GET", "/auth/me")).status, 401);
  const login = { body: { email: eve.email, password: PASSWORD } };
  assert.equal((await api.request("POST", "/auth/login", login)).status, 401);
  assert.equal((await patch(admin, eve.userId, { disabled: false })).status, 200);
  assert.equal((await call(eve, "GET", "/auth/me")).status, 401, "the old session stays ended");
  assert.equal((await api.request("POST", "/auth/login", login)).status, 200);
  const entries = await logged("user.changed", eve.userId);
  assert.deepEqual(
    entries.map((entry) => entry.details),
    [{ disabled: true, endedSessions: 1 }, { disabled: false }],
  );
  assert.ok(entries.every((entry) => entry.actor_id === admin.userId && /^0{8}-/.test(entry.chain_id)));
});

test("saying what is already so changes nothing and writes nothing", async () => {
  assert.equal((await patch(admin, ada.userId, { isAdmin: false, disabled: false })).status, 200);
  assert.deepEqual(await logged("user.changed", ada.userId), []);
});

test("ending a person's sessions ends all of them and nobody else's", async () => {
  const eve = await api.register();
  const login = { body: { email: eve.email, password: PASSWORD } };
  await api.request("POST", "/auth/login", login);
  const ended = await call<{ ended: number }>(admin, "DELETE", `/api/admin/users/${eve.userId}/sessions`);
  assert.deepEqual([ended.status, ended.body], [200, { ended: 2 }]);
  assert.equal((await call(eve, "GET", "/auth/me")).status, 401);
  assert.equal((await call(ada, "GET", "/auth/me")).status, 200);
  assert.equal((await logged("user.sessions_ended", eve.userId)).length, 1);
});

test("a second factor is taken away with a reason, which stands in the log; without one it is refused", async () => {
  const path = `/api/admin/users/${ada.userId}/mfa-reset`;
  assert.equal((await call(admin, "POST", path, { reason: "lost phone" })).status, 409, "she has none");
  await query("update users set totp_secret = 'x', totp_enabled_at = now() where id = $1", [ada.userId]);
  assert.equal((await call(admin, "POST", path, {})).status, 400);
  assert.equal((await call(admin, "POST", path, { reason: "  " })).status, 400);
  assert.equal((await call(admin, "POST", path, { reason: "lost phone" })).status, 204);
  const left =
    "select 1 from users where id = $1 and (totp_secret is not null or totp_enabled_at is not null)";
  assert.deepEqual(await query(left, [ada.userId]), []);
  const [entry] = await logged("user.mfa_reset", ada.userId);
  assert.deepEqual(entry?.details, { reason: "lost phone" });
});

test("a reset link sets a new password once, the one before it is void, and only its making is in the log", async () => {
  const eve = await api.register();
  const make = () =>
    call<{ url: string; expiresAt: string; mailed: boolean }>(
      admin,
      "POST",
      `/api/admin/users/${eve.userId}/reset-link`,
    );
  const [first, second] = [await make(), await make()];
  assert.equal(second.status, 200);
  assert.equal(second.body.mailed, false, "no mail is set up");
  assert.ok(Date.parse(second.body.expiresAt) > Date.now());
  const use = ({ body }: { body: { url: string } }) => {
    const url = new URL(body.url);
    assert.equal(url.pathname, "/reset");
    return api.request("POST", "/auth/reset", {
      body: { token: url.hash.slice(1), password: "a better horse battery" },
    });
  };
  assert.ok((await use(first)).status >= 400, "the first is void");
  assert.equal((await use(second)).status, 204);
  assert.ok((await use(second)).status >= 400, "once");
  const login = { body: { email: eve.email, password: "a better horse battery" } };
  assert.equal((await api.request("POST", "/auth/login", login)).status, 200);
  const entries = await logged("user.reset_link_created", eve.userId);
  assert.equal(entries.length, 2);
  const secret = new URL(second.body.url).hash.slice(1);
  assert.equal(JSON.stringify(await query("select * from audit_logs")).includes(secret), false);
  await patch(admin, eve.userId, { disabled: true });
  assert.equal((await make()).status, 409, "a disabled person gets none");
});

test("A70: fifty at once cannot take the last administrator away, whichever way they try", async () => {
  const second = await api.register();
  assert.equal((await patch(admin, second.userId, { isAdmin: true })).status, 200);
  const attempts = await Promise.all(
    Array.from({ length: 50 }, (_, index) => {
      const by = index % 2 === 0 ? admin : second;
      const whom = index % 4 < 2 ? admin : second;
      return patch(by, whom.userId, index % 3 === 0 ? { disabled: true } : { isAdmin: false });
    }),
  );
  const statuses = attempts.map((attempt) => attempt.status);
  assert.deepEqual(
    statuses.filter((status) => ![200, 401, 403, 409].includes(status)),
    [],
  );
  assert.ok(statuses.includes(200), "one of them was let go");
  const left = await query<{ id: string }>("select id from users where is_admin and disabled_at is null");
  assert.equal(left.length, 1);
  const survivor = left[0]?.id === admin.userId ? admin : second;
  for (const change of [{ isAdmin: false }, { disabled: true }, { isAdmin: false, disabled: true }]) {
    const refused = await patch(survivor, survivor.userId, change);
    assert.deepEqual([refused.status, refused.body.code], [409, "last_admin"], JSON.stringify(change));
  }
  await query("update users set is_admin = true, disabled_at = null where id = $1", [admin.userId]);
});

test("the role of the api cannot make anybody admin or disabled by itself, not even for an administrator", async () => {
  const database = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api" });
  try {
    const as = (person: Person, statement: ReturnType<typeof sql>) =>
      database.transaction({ userId: person.userId, workspaceIds: [] }, (tx) => tx.many(statement));
    for (const statement of [
      sql`update users set is_admin = true where id = ${ada.userId}`,
      sql`update users set disabled_at = now() where id = ${admin.userId}`,
      sql`update users set erased_at = now() where id = ${admin.userId}`,
      sql`insert into users (id, email, password_hash, is_admin) values (${uuidv7()}, 'x', 'x', true)`,
      sql`select admin_is_current()`,
    ]) {
      await assert.rejects(as(admin, statement), /permission denied/, statement.text);
    }
    assert.deepEqual(await as(ada, sql`select * from admin_list_users(null, null, null, 10)`), []);
    assert.deepEqual(await as(ada, sql`select outcome from admin_change_user(${ada.userId}, null, true)`), [
      { outcome: "forbidden" },
    ]);
    assert.deepEqual(await as(ada, sql`select * from admin_end_sessions(${admin.userId})`), []);
  } finally {
    await database.close();
  }
});
