// Workspaces over HTTP: who may do what in which role, and what the owner's changes do.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { createTeam, createWorkspace, invite, joinAs, type Team } from "../../test/support/team.ts";

let testDatabase: TestDatabase;
let api: TestApi;
let team: Team;

before(async () => {
  testDatabase = await createTestDatabase();
  api = await startTestApi(testDatabase.databaseUrl);
  team = await createTeam(api);
});
after(async () => {
  await api?.close();
  await testDatabase?.drop();
});

type Role = Exclude<keyof Team, "workspaceId">;
const ROLES = ["owner", "editor", "operator", "viewer", "auditor", "stranger"] as const;

const call = <Body = Record<string, unknown>>(person: Person, method: string, path: string, body?: unknown) =>
  api.request<Body>(method, path, { token: person.token, body });

async function statusesOf(method: string, path: string, body?: unknown): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {};
  for (const role of ROLES) statuses[role] = (await call(team[role], method, path, body)).status;
  return statuses;
}

const everybody = (status: number, others: Partial<Record<Role, number>>) =>
  Object.fromEntries(ROLES.map((role) => [role, others[role] ?? status]));

type Row = { id: string; name: string; role: string; memberCount: number; requireTotp: boolean };
type Page<Item> = { items: Item[]; nextCursor: string | null };

test("every role reads, only owners write, and to a stranger nothing is there", async () => {
  const at = `/api/workspaces/${team.workspaceId}`;
  const members = everybody(200, { stranger: 404 });
  const owners = (status: number) => everybody(403, { owner: status, stranger: 404 });
  assert.deepEqual(await statusesOf("GET", at), members);
  assert.deepEqual(await statusesOf("GET", `${at}/members`), members);
  assert.deepEqual(await statusesOf("PATCH", at, { name: "Laboratory" }), owners(200));
  assert.deepEqual(await statusesOf("GET", `${at}/invitations`), owners(200));
  const guest = { email: "guest@example.com", role: "viewer" };
  assert.deepEqual(await statusesOf("POST", `${at}/invitations`, guest), owners(201));
  const open = await call<Page<{ id: string }>>(team.owner, "GET", `${at}/invitations?limit=1`);
  const invitation = `${at}/invitations/${open.body.items[0]?.id}`;
  const mallory = `${at}/members/${team.viewer.userId}`;
  for (const role of ["editor", "operator", "viewer", "auditor", "stranger"] as const) {
    const refused = role === "stranger" ? 404 : 403;
    const statusOf = async (method: string, path: string, body?: unknown) =>
      (await call(team[role], method, path, body)).status;
    assert.equal(await statusOf("DELETE", invitation), refused, role);
    assert.equal(await statusOf("PATCH", mallory, { role: "owner" }), refused, role);
    const victim = `${at}/members/${role === "editor" ? team.viewer.userId : team.editor.userId}`;
    assert.equal(await statusOf("DELETE", victim), refused, role);
    assert.equal(await statusOf("POST", `${at}/transfer`, { userId: team.editor.userId }), refused, role);
  }
  assert.equal((await call(team.owner, "DELETE", invitation)).status, 204);
  assert.equal((await call(team.owner, "PATCH", mallory, { role: "viewer" })).status, 200);
  const anonymous = await api.request("GET", at);
  assert.equal(anonymous.status, 401);
});

test("the list names one's own workspaces with role and size, page by page", async () => {
  const { body } = await call<Page<Row>>(team.viewer, "GET", "/api/workspaces");
  const shared = body.items.find((row) => row.id === team.workspaceId);
  assert.deepEqual(
    { role: shared?.role, memberCount: shared?.memberCount, requireTotp: shared?.requireTotp },
    { role: "viewer", memberCount: 5, requireTotp: false },
  );
  assert.deepEqual(
    body.items.map((row) => row.id).toSorted(),
    [team.workspaceId, team.viewer.workspaceId].toSorted(),
  );
  const first = await call<Page<Row>>(team.viewer, "GET", "/api/workspaces?limit=1");
  const next = await call<Page<Row>>(
    team.viewer,
    "GET",
    `/api/workspaces?limit=1&cursor=${first.body.nextCursor}`,
  );
  assert.deepEqual([...first.body.items, ...next.body.items], body.items);
  assert.equal(next.body.nextCursor, null);
});

test("the members are listed with their roles, page by page; who is none sees no address (A26)", async () => {
  type Row = { userId: string; email: string; role: string };
  const at = `/api/workspaces/${team.workspaceId}/members`;
  const seen: Row[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await call<Page<Row>>(team.auditor, "GET", `${at}?limit=2${cursor}`);
    seen.push(...body.items);
    if (body.nextCursor === null) break;
    cursor = `&cursor=${body.nextCursor}`;
  }
  const { stranger, workspaceId: _, ...members } = team;
  const expected = Object.entries(members).map(([role, { email, userId }]) => ({ role, email, userId }));
  const brief = seen.map(({ role, email, userId }) => ({ role, email, userId }));
  const byRole = (a: { role: string }, b: { role: string }) => a.role.localeCompare(b.role);
  assert.deepEqual(brief.toSorted(byRole), expected.toSorted(byRole));
  const outside = await call(stranger, "GET", at);
  assert.doesNotMatch(outside.text, /@/);
});

test("a name is asked for; unknown fields, foreign ids and other people's rows are refused", async () => {
  const post = async (body: unknown) => (await call(team.stranger, "POST", "/api/workspaces", body)).status;
  for (const body of [{}, { name: " " }, { name: "x".repeat(201) }, { name: "x", personal: true }, []]) {
    assert.equal(await post(body), 400, JSON.stringify(body));
  }
  const at = `/api/workspaces/${team.workspaceId}`;
  for (const body of [{ created_by: team.owner.userId }, { personal: true }, { name: null }]) {
    assert.equal((await call(team.owner, "PATCH", at, body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await call(team.owner, "GET", "/api/workspaces/none")).status, 404);
});

test("a second factor for all is asked for by owners who have one, and binds the others at once", async () => {
  const owner = await api.register();
  const id = await createWorkspace(api, owner);
  const guest = await joinAs(api, owner, id, "viewer");
  const at = `/api/workspaces/${id}`;
  const refused = await call<{ code: string }>(owner, "PATCH", at, { requireTotp: true });
  assert.deepEqual([refused.status, refused.body.code], [403, "totp_setup_required"]);
  assert.equal((await call(guest, "GET", at)).status, 200);
  await asAdmin(testDatabase, "update users set totp_enabled_at = now() where id = $1", [owner.userId]);
  const done = await call<Row>(owner, "PATCH", at, { requireTotp: true });
  assert.deepEqual([done.status, done.body.requireTotp], [200, true]);
  const locked = await call<{ code: string }>(guest, "GET", at);
  assert.deepEqual([locked.status, locked.body.code], [403, "totp_setup_required"]);
  assert.equal((await call(guest, "DELETE", `${at}/members/${guest.userId}`)).status, 204, "leaving is free");
});

test("a personal workspace can be renamed and shared, and stays its person's", async () => {
  const ada = await api.register();
  const at = `/api/workspaces/${ada.workspaceId}`;
  assert.equal((await call(ada, "PATCH", at, { name: "Ada's" })).status, 200);
  const bob = await api.register();
  const token = await invite(api, ada, ada.workspaceId, { email: bob.email, role: "owner" });
  assert.equal((await call(bob, "POST", "/api/invitations/accept", { token })).status, 200);
  for (const [person, method, path, body] of [
    [bob, "PATCH", `${at}/members/${ada.userId}`, { role: "viewer" }],
    [bob, "DELETE", `${at}/members/${ada.userId}`, undefined],
    [ada, "DELETE", `${at}/members/${ada.userId}`, undefined],
    [ada, "POST", `${at}/transfer`, { userId: bob.userId }],
  ] as const) {
    const refused = await call<{ code: string }>(person, method, path, body);
    assert.deepEqual([refused.status, refused.body.code], [409, "personal_workspace"], `${method} ${path}`);
  }
  assert.equal((await call(bob, "DELETE", `${at}/members/${bob.userId}`)).status, 204);
});

test("a hundred workspaces are enough for one person (A70: 50 at once do not make more)", async () => {
  const ada = await api.register();
  await asAdmin(
    testDatabase,
    `with made as (
      insert into workspaces (id, name, created_by)
      select gen_random_uuid(), 'old', $1::uuid from generate_series(1, 97) returning id)
    insert into workspace_members (workspace_id, user_id, role) select id, $1::uuid, 'owner' from made`,
    [ada.userId],
  );
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => call(ada, "POST", "/api/workspaces", { name: "one more" })),
  );
  const statuses = replies.map((reply) => reply.status).toSorted();
  assert.deepEqual(statuses, [201, 201, ...Array(48).fill(409)]);
});
