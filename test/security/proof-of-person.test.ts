// What proves a person cannot be worn down or walked around: second factors, their guesses, and keys in the log.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ATTEMPT_RULES } from "#core/domain/attempt-limits.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { LOOSE_RULES } from "../support/attempt-rules.ts";
import { cookieOf, PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { enableSecondFactor } from "../support/second-factor.ts";
import { createWorkspace, joinAs } from "../support/team.ts";

let testDatabase: TestDatabase;
let api: TestApi;
let root: Person;

before(async () => {
  testDatabase = await createTestDatabase();
  const { password, mfa } = ATTEMPT_RULES;
  api = await startTestApi(testDatabase.databaseUrl, { attemptRules: { ...LOOSE_RULES, password, mfa } });
  root = await api.register();
});
after(async () => {
  await api?.close();
  await testDatabase?.drop();
});

async function makeKey({ token }: Person, scopes: readonly string[]) {
  const body = { name: "a program", scopes };
  const made = await api.request<{ id: string; key: string }>("POST", "/auth/api-keys", { token, body });
  assert.equal(made.status, 201, made.text);
  return made.body;
}

test("A session from before the second factor ends with it: a stolen password opens no workspace that asks for one", async () => {
  const owner = await api.register();
  await enableSecondFactor(api.request, owner);
  const workspaceId = await createWorkspace(api, owner);
  const body = { requireTotp: true };
  const path = `/api/workspaces/${workspaceId}`;
  assert.equal((await api.request("PATCH", path, { token: owner.token, body })).status, 200);
  const eve = await joinAs(api, owner, workspaceId, "editor");
  const thief = await api.request<{ accessToken: string }>("POST", "/auth/login", {
    body: { email: eve.email, password: PASSWORD },
  });
  const closed = await api.request("GET", path, { token: thief.body.accessToken });
  assert.equal(closed.body.code, "totp_setup_required");

  await enableSecondFactor(api.request, eve);
  assert.equal((await api.request("GET", path, { token: eve.token })).status, 200);
  const again = await api.request("GET", path, { token: thief.body.accessToken });
  assert.equal(again.status, 401, again.text);
  const refreshed = await api.request("POST", "/auth/refresh", { cookie: cookieOf(thief) });
  assert.equal(refreshed.status, 401, refreshed.text);
});

test("A09: wrong codes are not forgiven by a right password in between", async () => {
  const eve = await api.register();
  await enableSecondFactor(api.request, eve);
  const { token } = eve;
  const guess = () =>
    api.request("POST", "/auth/mfa/disable", { token, body: { password: PASSWORD, totp: "000000" } });
  const refusals = new Set<number>();
  for (let round = 0; round < 3; round += 1) {
    for (let tries = 0; tries < 5; tries += 1) refusals.add((await guess()).status);
    const body = { currentPassword: PASSWORD, newPassword: PASSWORD };
    assert.equal((await api.request("PUT", "/auth/password", { token, body })).status, 200);
  }
  assert.ok(refusals.has(429), `fifteen guesses were answered with ${[...refusals]}`);
});

test("Without their second factor an owner is out of a workspace that asks for one, whoever speaks for them", async () => {
  const owner = await api.register();
  const workspaceId = await createWorkspace(api, owner);
  const path = `/api/workspaces/${workspaceId}`;
  const { recoveryCodes } = await enableSecondFactor(api.request, owner);
  const { token } = owner;
  assert.equal((await api.request("PATCH", path, { token, body: { requireTotp: true } })).status, 200);
  const { key } = await makeKey(owner, ["read", "run", "write", "admin"]);
  assert.equal((await api.request("GET", path, { token: key })).status, 200);
  const off = await api.request("POST", "/auth/mfa/disable", {
    token,
    body: { password: PASSWORD, totp: recoveryCodes[0] },
  });
  assert.equal(off.status, 204, off.text);
  for (const bearer of [token, key]) {
    for (const [method, url, body] of [
      ["GET", path, undefined],
      ["PATCH", path, { requireTotp: false }],
      ["GET", `${path}/members`, undefined],
      ["GET", `/api/audit-logs?workspaceId=${workspaceId}`, undefined],
      ["GET", `/api/workflows?workspaceId=${workspaceId}`, undefined],
      ["DELETE", path, { confirm: "Lab" }],
    ] as const) {
      const reply = await api.request(method, url, { token: bearer, body });
      assert.equal(reply.body?.code, "totp_setup_required", `${method} ${url}: ${reply.text}`);
    }
  }
  const entries = await asAdmin(
    testDatabase,
    "select from audit_logs where chain_id = $1 and target_id = $2 and action = 'member.second_factor_disabled'",
    [workspaceId, owner.userId],
  );
  assert.equal(entries.length, 1);
  await enableSecondFactor(api.request, owner);
  assert.equal((await api.request("GET", path, { token: key })).status, 200);
});

test("What an API key does as administrator or examiner names the key in the log", async () => {
  const { id, key } = await makeKey(root, ["read", "admin"]);
  const eve = await api.register();
  const change = await api.request("PATCH", `/api/admin/users/${eve.userId}`, {
    token: key,
    body: { disabled: true },
  });
  assert.equal(change.status, 200, change.text);
  const exported = await api.request("GET", "/api/audit-logs/export?chain=instance", { token: key });
  assert.equal(exported.status, 200, exported.text);
  const rows = await asAdmin<{ action: string; details: { apiKeyId?: string } }>(
    testDatabase,
    "select action, details from audit_logs where actor_id = $1 and action in ('user.changed', 'audit.exported')",
    [root.userId],
  );
  assert.deepEqual(rows.map(({ action, details }) => [action, details.apiKeyId]).toSorted(), [
    ["audit.exported", id],
    ["user.changed", id],
  ]);
});

test("An API key that may read may lint a graph, one that may not may not", async () => {
  const body = { graph: { nodes: [], edges: [] } };
  const lint = async (scope: string) => {
    const { key } = await makeKey(root, [scope]);
    return (await api.request("POST", "/api/workflows/validate", { token: key, body })).status;
  };
  assert.equal(await lint("read"), 200);
  assert.equal(await lint("run"), 403);
});
