// The second factor over HTTP: setting up, signing in, codes that are good once, recovery, disabling.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { PASSWORD, type Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { codeOf, enableSecondFactor } from "../../test/support/second-factor.ts";

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

const login = ({ email }: Person, totp?: unknown, password = PASSWORD) =>
  api.request<{ accessToken: string; code?: string }>("POST", "/auth/login", {
    body: { email, password, ...(totp !== undefined && { totp }) },
  });
const mfa = (step: string, { token }: Person, body: unknown) =>
  api.request<{ code?: string; secret: string; uri: string }>("POST", `/auth/mfa/${step}`, { token, body });
const totpEnabled = async ({ token }: Person) =>
  (await api.request("GET", "/auth/me", { token })).body.totpEnabled;
const auditOf = async (person: Person) =>
  (
    await asAdmin<{ action: string; details: Record<string, unknown> | null }>(
      database,
      "select action, details from audit_logs where target_id = $1 or actor_id::text = $1 order by seq",
      [person.userId],
    )
  ).map(({ action, details }) => [action, details?.factor].filter(Boolean).join(" "));

test("S05: from the secret to the login with a code", async () => {
  const person = await api.register();
  const refused = await mfa("setup", person, { password: "not the password" });
  assert.deepEqual([refused.status, refused.body.code], [401, "invalid_credentials"]);
  const { secret, recoveryCodes } = await enableSecondFactor(api.request, person);
  assert.equal(recoveryCodes.length, 10);
  assert.equal(await totpEnabled(person), true);

  const without = await login(person);
  assert.deepEqual([without.status, without.body.code], [401, "totp_required"]);
  assert.equal((await login(person, "")).body.code, "totp_required");
  const wrong = await login(person, codeOf(secret, 5));
  assert.deepEqual([wrong.status, wrong.body.code], [401, "invalid_totp"]);
  const wrongPair = await login(person, codeOf(secret), "not the password");
  assert.equal(wrongPair.body.code, "invalid_credentials", "a code alone says nothing");
  assert.equal((await login(person, codeOf(secret))).status, 200);

  assert.deepEqual(await auditOf(person), [
    "user.registered",
    "session.started",
    "mfa.setup",
    "mfa.enabled",
    "session.started totp",
  ]);
});

test("a set-up that was not enabled asks nobody for a code, and can begin again", async () => {
  const person = await api.register();
  assert.equal((await mfa("enable", person, { totp: "123456" })).body.code, "totp_not_set_up");
  const first = await mfa("setup", person, { password: PASSWORD });
  assert.equal(await totpEnabled(person), false);
  assert.equal((await login(person)).status, 200);
  const second = await mfa("setup", person, { password: PASSWORD });
  assert.notEqual(first.body.secret, second.body.secret);
  const old = await mfa("enable", person, { totp: codeOf(first.body.secret) });
  assert.deepEqual([old.status, old.body.code], [401, "invalid_totp"]);
  assert.equal((await login(person)).status, 200);
  assert.equal((await mfa("enable", person, { totp: codeOf(second.body.secret) })).status, 200);
  for (const [step, body] of [
    ["setup", { password: PASSWORD }],
    ["enable", { totp: codeOf(second.body.secret, 1) }],
  ] as const) {
    const again = await mfa(step, person, body);
    assert.deepEqual([again.status, again.body.code], [409, "totp_enabled"], step);
  }
});

test("S05: a code is good once, also when twenty use it at the same moment", async () => {
  const person = await api.register();
  const { secret, usedCode } = await enableSecondFactor(api.request, person);
  const used = await login(person, usedCode);
  assert.equal(used.body.code, "invalid_totp", "the code that enabled it is used");
  const code = codeOf(secret);
  const replies = await Promise.all(Array.from({ length: 20 }, () => login(person, code)));
  assert.equal(replies.filter((reply) => reply.status === 200).length, 1);
  assert.equal(replies.filter((reply) => reply.body.code === "invalid_totp").length, 19);
  assert.equal((await login(person, codeOf(secret, 1))).status, 200);
  assert.equal((await login(person, code)).status, 401, "an older step does not come back");
});

test("S05: a recovery code opens once, however it is typed, and the others stay", async () => {
  const person = await api.register();
  const { recoveryCodes } = await enableSecondFactor(api.request, person);
  const [first = "", second = ""] = recoveryCodes;
  const replies = await Promise.all(Array.from({ length: 5 }, () => login(person, first)));
  assert.deepEqual(replies.map((reply) => reply.status).sort(), [200, 401, 401, 401, 401]);
  assert.equal((await login(person, second.toLowerCase().replaceAll("-", " "))).status, 200);
  assert.equal((await login(person, second)).status, 401);
  const stranger = await api.register();
  const theirs = await enableSecondFactor(api.request, stranger);
  assert.equal((await login(person, theirs.recoveryCodes[0])).status, 401, "somebody else's");
  assert.deepEqual((await auditOf(person)).slice(-3), [
    "mfa.enabled",
    "session.started recovery_code",
    "session.started recovery_code",
  ]);
});

test("disabling takes the password and a code; a recovery code is one", async () => {
  const person = await api.register();
  const { secret, recoveryCodes } = await enableSecondFactor(api.request, person);
  for (const [body, code] of [
    [{ password: "not the password", totp: codeOf(secret) }, "invalid_credentials"],
    [{ password: PASSWORD, totp: "000000" }, "invalid_totp"],
    [{ password: PASSWORD, totp: "" }, "invalid_request"],
    [{ password: PASSWORD }, "invalid_request"],
  ] as const) {
    assert.equal((await mfa("disable", person, body)).body.code, code);
  }
  assert.equal(await totpEnabled(person), true);
  assert.equal((await mfa("disable", person, { password: PASSWORD, totp: recoveryCodes[3] })).status, 204);
  assert.equal(await totpEnabled(person), false);
  assert.equal((await login(person)).status, 200);
  const [left] = await asAdmin<Record<string, unknown>>(
    database,
    `select totp_secret, totp_key_id, totp_wrapped_key, totp_last_step, cardinality(recovery_code_hashes) as codes
     from users where id = $1`,
    [person.userId],
  );
  assert.deepEqual(Object.values(left ?? {}), [null, null, null, null, 0]);
  const again = await mfa("disable", person, { password: PASSWORD, totp: codeOf(secret) });
  assert.deepEqual([again.status, again.body.code], [409, "totp_not_set_up"]);
});

test("refused codes and passwords are in the audit log, with whom they were about", async () => {
  const own = await startTestApi(database.databaseUrl);
  const person = await own.register();
  await enableSecondFactor(own.request, person);
  const body = { email: person.email, password: PASSWORD, totp: "000000" };
  assert.equal((await own.request("POST", "/auth/login", { body })).body.code, "invalid_totp");
  const proof = { password: "not the password", totp: "000000" };
  await own.request("POST", "/auth/mfa/disable", { token: person.token, body: proof });
  // Denials are summed up; what is left is written at the end.
  await own.close();
  const rows = await asAdmin<{ actor: string | null; code: string; route: string }>(
    database,
    `select actor_id as actor, details ->> 'code' as code, details ->> 'route' as route
     from audit_logs where action = 'access.denied' and target_id = $1 order by seq`,
    [person.userId],
  );
  assert.deepEqual(rows, [
    { actor: null, code: "invalid_totp", route: "/auth/login" },
    { actor: person.userId, code: "invalid_credentials", route: "/auth/mfa/disable" },
  ]);
});

test("neither secret nor recovery codes lie in the database as they are, nor open in another row", async () => {
  const [ada, eve] = [await api.register(), await api.register()];
  const { secret, recoveryCodes } = await enableSecondFactor(api.request, ada);
  const { secret: hers } = await enableSecondFactor(api.request, eve);
  const [row] = await asAdmin<{ text: string }>(
    database,
    "select users::text as text from users where id = $1",
    [ada.userId],
  );
  const hexOfBase32 = Buffer.from(
    [...secret]
      .map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"))
      .join("")
      .match(/.{8}/g)
      ?.map((bits) => Number.parseInt(bits, 2)) ?? [],
  ).toString("hex");
  assert.equal(hexOfBase32.length, 40);
  for (const text of [secret, hexOfBase32, ...recoveryCodes]) {
    assert.equal(row?.text.toLowerCase().includes(text.toLowerCase()), false);
    assert.equal(row?.text.includes(Buffer.from(text).toString("hex")), false);
  }
  await asAdmin(
    database,
    `update users u set totp_secret = e.totp_secret, totp_wrapped_key = e.totp_wrapped_key, totp_last_step = null
     from users e where u.id = $1 and e.id = $2`,
    [ada.userId, eve.userId],
  );
  assert.equal((await login(ada, codeOf(hers))).status, 500, "a secret of another row does not open");
});

test("S05: a workspace that asks for a second factor is closed to who has none, and opens with it", async () => {
  const cached = await startTestApi(database.databaseUrl, { actorCacheMs: 3_600_000 });
  try {
    const person = await api.register();
    await asAdmin(database, "update workspaces set require_totp = true where id = $1", [person.workspaceId]);
    const needsTotp = async () => {
      const { body } = await cached.request<{ workspaces: { needsTotp: boolean }[] }>(
        "GET",
        "/auth/me",
        person,
      );
      return body.workspaces.map((workspace) => workspace.needsTotp);
    };
    const create = () =>
      cached.request("POST", "/api/workflows", {
        token: person.token,
        body: {
          name: "closed",
          graph: {
            nodes: [{ id: "start", type: "trigger.manual", position: { x: 0, y: 0 }, data: {} }],
            edges: [],
          },
        },
      });
    assert.deepEqual(await needsTotp(), [true]);
    const refused = await create();
    assert.deepEqual([refused.status, refused.body.code], [403, "totp_setup_required"]);
    const { recoveryCodes } = await enableSecondFactor(cached.request, person);
    assert.deepEqual(await needsTotp(), [false]);
    assert.equal((await create()).status, 201);
    const proof = { password: PASSWORD, totp: recoveryCodes[0] };
    assert.equal(
      (await cached.request("POST", "/auth/mfa/disable", { token: person.token, body: proof })).status,
      204,
    );
    assert.equal((await create()).body.code, "totp_setup_required");
  } finally {
    await cached.close();
  }
});
