// Signing up and in with what is no e-mail and no password, or with more than one may say.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { ATTEMPT_RULES } from "#core/domain/attempt-limits.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { type ApiReply, PASSWORD } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";

let database: TestDatabase;
let api: TestApi;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  await api.register();
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const newEmail = () => `${randomUUID()}@example.com`;
const people = async () =>
  (await asAdmin<{ count: number }>(database, "select count(*)::int as count from users"))[0]?.count;

test("A01: an unknown person and a wrong password get one answer, but for the request's id and time", async () => {
  const { email } = await api.register();
  const answer = async (address: string) => {
    const reply = await api.request("POST", "/auth/login", {
      body: { email: address, password: "wrong wrong" },
    });
    const { requestId: _id, ...body } = reply.body;
    const headers = [...reply.headers].filter(([name]) => name !== "x-request-id" && name !== "date");
    return { status: reply.status, body, headers };
  };
  const known = await answer(email);
  assert.equal(known.status, 401);
  assert.ok(known.headers.length > 5);
  assert.deepEqual(await answer(newEmail()), known);
  assert.deepEqual(await answer(email.toUpperCase()), known);
});

test("A03: objects, lists, numbers and prototypes are no e-mail and no password", async () => {
  const before = await people();
  const odd = [
    '{"$ne":null}',
    '{"length":9}',
    '["a@example.com"]',
    "9",
    "true",
    "null",
    '{"__proto__":{"length":9}}',
    '""',
  ];
  for (const path of ["/auth/login", "/auth/register"]) {
    for (const value of odd) {
      for (const body of [
        `{"email":${value},"password":"${PASSWORD}"}`,
        `{"email":"${newEmail()}","password":${value}}`,
      ]) {
        const reply = await api.request("POST", path, { body });
        assert.deepEqual([path, body, reply.status, reply.body.code], [path, body, 400, "invalid_request"]);
      }
    }
    const fields = [
      '"__proto__":{"isAdmin":true}',
      '"constructor":{"prototype":{"isAdmin":true}}',
      '"toString":"x"',
    ];
    for (const field of fields) {
      const body = `{"email":"${newEmail()}","password":"${PASSWORD}",${field}}`;
      const reply = await api.request("POST", path, { body });
      assert.deepEqual([field, reply.status], [field, 400]);
    }
  }
  assert.equal(({} as Record<string, unknown>).isAdmin, undefined);
  assert.equal(await people(), before);
});

test("A03: a password of 1 MB is refused, at registration and at login, without being hashed", async () => {
  const password = "p".repeat(1_048_576);
  for (const path of ["/auth/register", "/auth/login"]) {
    const reply = await api.request("POST", path, { body: { email: newEmail(), password } });
    assert.deepEqual([path, reply.status, reply.body.code], [path, 400, "invalid_request"]);
    assert.ok(reply.text.length < 1_000, "it does not come back");
  }
});

test("A03: long and foreign passwords count as they were typed", async () => {
  const passwords = [
    randomBytes(32).toString("hex"),
    "Zähneputzen 歯磨き 🪥 \u0301e",
    "  blanks around it  ",
    "ﬁne ligature",
    "x".repeat(1_024).replace(/x$/, "y"),
  ];
  for (const password of passwords) {
    const email = newEmail();
    const registered = await api.request("POST", "/auth/register", { body: { email, password } });
    assert.equal(registered.status, 201, password.slice(0, 20));
    const login = (typed: string) => api.request("POST", "/auth/login", { body: { email, password: typed } });
    assert.equal((await login(password)).status, 200);
    const changed = [
      password.trim(),
      password.normalize("NFKC"),
      password.slice(0, 72),
      password.slice(0, -1),
    ];
    for (const typed of changed.filter((text) => text !== password)) {
      assert.equal((await login(typed)).status, 401, `${password.slice(0, 20)} is not ${typed.slice(0, 20)}`);
    }
  }
});

test("A04: nobody registers as administrator, under an id, a workspace or a role of their choosing", async () => {
  const victim = await api.register();
  const before = await people();
  const extras: Record<string, unknown>[] = [
    { role: "admin" },
    { isAdmin: true },
    { is_admin: true },
    { id: victim.userId },
    { userId: victim.userId },
    { workspaceId: victim.workspaceId },
    { memberships: [{ workspaceId: victim.workspaceId, role: "owner" }] },
    { disabled: false },
    { passwordHash: "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA" },
  ];
  for (const extra of extras) {
    const body = { email: newEmail(), password: PASSWORD, ...extra };
    const reply = await api.request("POST", "/auth/register", { body });
    assert.deepEqual([extra, reply.status, reply.body.code], [extra, 400, "invalid_request"]);
  }
  assert.equal(await people(), before);
  const me = await api.request<{ user: object }>("GET", "/auth/me", { token: victim.token });
  assert.deepEqual(me.body.user, { ...me.body.user, id: victim.userId, isAdmin: false });
});

test("S06: registration and refresh are limited per client, and every public call that can be guessed at is", async (t) => {
  const client = { points: 2, seconds: 300 };
  const { register, refresh, invitation } = ATTEMPT_RULES;
  const limited = await startTestApi(database.databaseUrl, {
    attemptRules: {
      ...ATTEMPT_RULES,
      register: { ...register, client },
      refresh: { ...refresh, client },
      invitation: { ...invitation, client },
    },
    environment: { TRUSTED_PROXIES: "127.0.0.1" },
  });
  t.after(() => limited.close());
  const post = (path: string, body?: object) =>
    limited.request("POST", path, { body, headers: { "x-forwarded-for": "192.0.2.50" } });
  const three = async (ask: () => Promise<ApiReply>) => [await ask(), await ask(), await ask()];
  const sent: Record<string, ApiReply[]> = {
    register: await three(() => post("/auth/register", { email: newEmail(), password: PASSWORD })),
    refresh: await three(() => post("/auth/refresh")),
    invitation: await three(() =>
      post("/auth/register", { email: newEmail(), password: PASSWORD, invite: "guess" }),
    ),
  };
  for (const [name, replies] of Object.entries(sent)) {
    assert.ok(
      replies.slice(0, 2).every(({ status }) => status !== 429),
      name,
    );
    assert.deepEqual([name, replies[2]?.status, replies[2]?.body.code], [name, 429, "rate_limited"]);
    assert.ok(Number(replies[2]?.headers.get("retry-after")) > 0);
  }
  const { body } = await limited.request<{ paths: Paths }>("GET", "/openapi.json");
  const open = Object.entries(body.paths).filter(
    ([path, { post }]) => path.startsWith("/auth/") && post?.security?.length === 0,
  );
  const free = open.filter(([, { post }]) => !post?.responses[429]).map(([path]) => path);
  assert.ok(open.length >= 4);
  assert.deepEqual(free, ["/auth/logout"]);
});

type Paths = Record<string, { post?: { security?: unknown[]; responses: Record<string, unknown> } }>;
