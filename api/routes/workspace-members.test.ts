// Members over HTTP: roles that change, people who go, ownership handed over, and the log of it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { createWorkspace, invite, joinAs } from "../../test/support/team.ts";

let testDatabase: TestDatabase;
let api: TestApi;

before(async () => {
  testDatabase = await createTestDatabase();
  api = await startTestApi(testDatabase.databaseUrl);
});
after(async () => {
  await api?.close();
  await testDatabase?.drop();
});

type Answer = { code?: string; role?: string };
const call = (person: Person, method: string, path: string, body?: unknown) =>
  api.request<Answer>(method, path, { token: person.token, body });

const outcome = async (...parameters: Parameters<typeof call>) => {
  const { status, body } = await call(...parameters);
  return body?.code === undefined ? status : `${status} ${body.code}`;
};

async function shared(): Promise<{ id: string; at: string; owner: Person }> {
  const owner = await api.register();
  const id = await createWorkspace(api, owner);
  return { id, at: `/api/workspaces/${id}`, owner };
}

test("the last owner can neither leave nor step down; with a second one they can", async () => {
  const { id, at, owner } = await shared();
  const self = `${at}/members/${owner.userId}`;
  assert.equal(await outcome(owner, "DELETE", self), "409 last_owner");
  assert.equal(await outcome(owner, "PATCH", self, { role: "editor" }), "409 last_owner");
  const second = await joinAs(api, owner, id, "owner");
  assert.equal(await outcome(owner, "PATCH", self, { role: "editor" }), 200);
  assert.equal(await outcome(owner, "PATCH", self, { role: "owner" }), "403 forbidden");
  assert.equal(await outcome(owner, "DELETE", self), 204);
  assert.equal(await outcome(owner, "GET", at), "404 not_found", "who made it is out all the same");
  assert.equal(await outcome(second, "DELETE", `${at}/members/${second.userId}`), "409 last_owner");
});

test("an owner who is disabled counts as none", async () => {
  const { id, at, owner } = await shared();
  const second = await joinAs(api, owner, id, "owner");
  await asAdmin(testDatabase, "update users set disabled_at = now() where id = $1", [second.userId]);
  assert.equal(await outcome(owner, "DELETE", `${at}/members/${owner.userId}`), "409 last_owner");
  assert.equal(await outcome(owner, "POST", `${at}/transfer`, { userId: second.userId }), "409 last_owner");
  assert.equal(await outcome(owner, "DELETE", `${at}/members/${second.userId}`), 204);
});

test("a role that changes and a member who goes are felt on the next request (A22)", async () => {
  const { id, at, owner } = await shared();
  const bob = await joinAs(api, owner, id, "viewer");
  const member = `${at}/members/${bob.userId}`;
  assert.equal(await outcome(bob, "PATCH", at, { name: "Mine" }), "403 forbidden");
  assert.equal((await call(owner, "PATCH", member, { role: "owner" })).body.role, "owner");
  assert.equal(await outcome(bob, "PATCH", at, { name: "Mine" }), 200);
  assert.equal(await outcome(owner, "PATCH", member, { role: "auditor" }), 200);
  assert.equal(await outcome(bob, "PATCH", at, { name: "Mine again" }), "403 forbidden");
  assert.equal(await outcome(bob, "GET", `/api/workflows?workspaceId=${id}`), "403 forbidden");
  assert.equal(await outcome(owner, "DELETE", member), 204);
  assert.equal(await outcome(bob, "GET", at), "404 not_found");
  assert.equal(await outcome(bob, "GET", `/api/workflows?workspaceId=${id}`), "404 not_found");
  assert.equal(await outcome(owner, "DELETE", member), "404 not_found");
  assert.equal(await outcome(owner, "PATCH", member, { role: "viewer" }), "404 not_found");
});

test("ownership goes to a member only; the giver becomes editor", async () => {
  const { id, at, owner } = await shared();
  const heir = await joinAs(api, owner, id, "operator");
  const stranger = await api.register();
  const transfer = (person: Person, userId: unknown) => outcome(person, "POST", `${at}/transfer`, { userId });
  assert.equal(await transfer(owner, stranger.userId), "404 not_found");
  assert.equal(await transfer(owner, owner.userId), "400 invalid_request");
  assert.equal(await transfer(owner, heir.userId), 204);
  assert.equal((await call(heir, "GET", at)).body.role, "owner");
  assert.equal((await call(owner, "GET", at)).body.role, "editor");
  assert.equal(await transfer(owner, owner.userId), "403 forbidden");
  assert.equal(await transfer(owner, heir.userId), "403 forbidden");
});

test("everything stands in the workspace's chain; addresses in details only", async () => {
  const { id, at, owner } = await shared();
  const guest = await joinAs(api, owner, id, "viewer");
  await invite(api, owner, id, { email: "nobody@example.com", role: "editor" });
  const open = await api.request<{ items: { id: string }[] }>("GET", `${at}/invitations?limit=1`, {
    token: owner.token,
  });
  await call(owner, "DELETE", `${at}/invitations/${open.body.items[0]?.id}`);
  await call(owner, "PATCH", at, { name: "Renamed" });
  await call(owner, "PATCH", `${at}/members/${guest.userId}`, { role: "editor" });
  await call(owner, "POST", `${at}/transfer`, { userId: guest.userId });
  await call(owner, "DELETE", `${at}/members/${owner.userId}`);
  type Entry = { action: string; actor: string; target: string; details: Record<string, unknown> };
  const entries = await asAdmin<Entry>(
    testDatabase,
    `select action, actor_id as actor, target_id as target, details from audit_logs
     where chain_id = $1 order by seq`,
    [id],
  );
  const [o, g] = [owner.userId, guest.userId];
  assert.deepEqual(
    entries.map(({ action, actor }) => [action, actor]),
    [
      ["workspace.created", o],
      ["invitation.created", o],
      ["invitation.accepted", g],
      ["member.added", g],
      ["invitation.created", o],
      ["invitation.revoked", o],
      ["workspace.renamed", o],
      ["member.role_changed", o],
      ["workspace.transferred", o],
      ["member.role_changed", o],
      ["member.role_changed", o],
      ["member.removed", o],
    ],
  );
  for (const { target } of entries) assert.match(target, /^[0-9a-f-]{36}$/);
  assert.equal(entries[4]?.details.email, "nobody@example.com");
  assert.deepEqual(entries.at(-1)?.details, { left: true, role: "editor" });
});
