// S70: memberships with an end: it is the database's clock that ends them, on every path and however long an answer is
// kept. All look-ups are cached here longer than any test takes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { claimExecutions } from "#core/persistence/executions/claim-executions.ts";
import { sql } from "#core/persistence/sql.ts";
import { tidyMemberships } from "#core/services/workspaces/tidy-memberships.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { type Person, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createTeam, createWorkspace, joinAs, type Team, tokenOf } from "../support/team.ts";
import { chain } from "../support/workflows.ts";

const YEAR_MS = 365 * 24 * 3_600_000;

let testDatabase: TestDatabase;
let database: Database;
let api: TestApi;
let root: Person;
let team: Team;

before(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({
    databaseUrl: testDatabase.databaseUrl,
    role: "atelier_api",
    maxConnections: 2,
  });
  api = await startTestApi(testDatabase.databaseUrl, { actorCacheMs: 3_600_000 });
  root = await api.register();
  team = await createTeam(api);
});
after(async () => {
  await Promise.all([api?.close(), database?.close()]);
  await testDatabase?.drop();
});

const members = () => `/api/workspaces/${team.workspaceId}/members`;
const later = (ms: number) => new Date(Date.now() + ms).toISOString();
const patch = (userId: string, body: object, person: Person = team.owner) =>
  api.request("PATCH", `${members()}/${userId}`, { token: person.token, body });
const statusOf = async ({ token }: Pick<Person, "token">, method: string, path: string, body?: unknown) =>
  (await api.request(method, path, { token, body })).status;
const query = <Row>(text: string, values: unknown[] = []) => asAdmin<Row>(testDatabase, text, values);
/** Past every policy and announcement. */
const endNow = ({ userId }: Person, workspaceId = team.workspaceId) =>
  query(
    "update workspace_members set expires_at = clock_timestamp() where user_id = $1 and workspace_id = $2",
    [userId, workspaceId],
  );
const submit = (person: Pick<Person, "token">, workflowId: string) =>
  api.request<{ id: string }>("POST", `/api/workflows/${workflowId}/executions`, {
    token: person.token,
    body: { input: 1 },
  });

async function addWorkflow(): Promise<string> {
  const body = { name: "w", graph: chain(), workspaceId: team.workspaceId };
  const made = await api.request<{ id: string }>("POST", "/api/workflows", { token: team.owner.token, body });
  return made.body.id;
}

/** Resolves when the stream has ended. */
async function follow({ token }: Person, executionId: string) {
  const reply = await fetch(`${api.url}/api/executions/${executionId}/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(reply.status, 200);
  return { text: reply.text() };
}

test("S70: at its end a membership is over for session, key and stream, though every look-up is cached; what was accepted runs", async () => {
  const { editor, viewer, auditor } = team;
  const workflowId = await addWorkflow();
  const keyBody = { name: "k", scopes: ["read", "run", "write", "admin"] };
  const made = await api.request<{ key: string }>("POST", "/auth/api-keys", {
    token: editor.token,
    body: keyBody,
  });
  const key = { token: made.body.key };
  const at = later(10_000);
  for (const person of [editor, viewer, auditor]) {
    const changed = await patch(person.userId, { expiresAt: at });
    assert.deepEqual([changed.status, changed.body.expiresAt], [200, at]);
  }
  const accepted = await submit(editor, workflowId);
  assert.deepEqual([accepted.status, (await submit(key, workflowId)).status], [202, 202]);
  const stream = await follow(viewer, accepted.body.id);
  const audit = `/api/audit-logs?workspaceId=${team.workspaceId}`;
  assert.equal(await statusOf(auditor, "GET", audit), 200);

  while ((await query<{ over: boolean }>("select clock_timestamp() >= $1 as over", [at]))[0]?.over !== true) {
    await delay(200);
  }
  const workflow = `/api/workflows/${workflowId}`;
  const answers = await Promise.all([
    statusOf(editor, "GET", workflow),
    statusOf(editor, "PUT", workflow, { name: "mine" }),
    statusOf(editor, "GET", members()),
    statusOf(editor, "POST", "/api/workflows", { name: "w", graph: chain(), workspaceId: team.workspaceId }),
    statusOf(key, "GET", workflow),
    statusOf(viewer, "GET", `/api/executions/${accepted.body.id}`),
    statusOf(auditor, "GET", audit),
    submit(editor, workflowId).then(({ status }) => status),
    submit(key, workflowId).then(({ status }) => status),
  ]);
  assert.deepEqual(
    answers,
    answers.map(() => 404),
  );
  const me = await api.request<{ workspaces: { id: string }[] }>("GET", "/auth/me", { token: editor.token });
  assert.deepEqual(
    me.body.workspaces.map(({ id }) => id),
    [editor.workspaceId],
  );
  assert.match(await stream.text, /event: status/);

  const worker = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_worker" });
  try {
    const claim = { ids: [accepted.body.id], owner: editor.userId, leaseMs: 8_000, crashesBelow: 3 };
    assert.equal((await claimExecutions(worker, claim)).length, 1, "accepted before the end, so it runs");
  } finally {
    await worker.close();
  }
});

test("S70: a pool whose person's membership has ended sees nothing of the workspace and writes nothing there", async () => {
  const person = await joinAs(api, team.owner, team.workspaceId, "editor");
  await addWorkflow();
  const ends = [{ workspaceId: team.workspaceId, at: later(60_000) }];
  const principals = { userId: person.userId, workspaceIds: [person.workspaceId, team.workspaceId] };
  const insert = sql`insert into workflows (id, workspace_id, owner_id, name)
    values (gen_random_uuid(), ${team.workspaceId}, ${person.userId}, 'late')`;
  const seen = (given: typeof ends) =>
    database.transaction({ ...principals, ends: given }, async (tx) => {
      const counts: number[] = [];
      for (const table of ["workflows", "workflow_versions", "workflow_executions", "audit_logs"]) {
        const column = table === "audit_logs" ? "chain_id" : "workspace_id";
        const text = `select 1 from ${table} where ${column} = $1`;
        counts.push((await tx.many({ text, values: [team.workspaceId] })).length);
      }
      return counts;
    });
  assert.ok(
    (await seen(ends)).every((count) => count > 0),
    "before the end",
  );
  const over = [{ workspaceId: team.workspaceId, at: later(-1) }];
  assert.deepEqual(await seen(over), [0, 0, 0, 0]);
  await assert.rejects(
    database.transaction({ ...principals, ends: over }, (tx) => tx.run(insert)),
    { code: "not_found" },
  );
  // Whatever a process believes: the row itself is gone from sight, and with it all that is derived from it.
  await endNow(person);
  const own = sql`select 1 from workspace_members where user_id = ${person.userId} and workspace_id = ${team.workspaceId}`;
  assert.equal((await database.transaction(principals, (tx) => tx.many(own))).length, 0);
  const people = sql`select 1 from users where id = ${person.userId}`;
  const asOwner = { userId: team.owner.userId, workspaceIds: [team.workspaceId] };
  assert.equal(
    (await database.transaction(asOwner, (tx) => tx.many(people))).length,
    0,
    "no colleague any more",
  );
  for (const statement of [
    sql`update workspace_members set expires_at = null where user_id = ${person.userId} and workspace_id = ${team.workspaceId}`,
    sql`delete from workspace_members where user_id = ${person.userId} and workspace_id = ${team.workspaceId}`,
  ]) {
    assert.equal(await database.transaction(principals, (tx) => tx.run(statement)), 0);
    assert.equal(await database.transaction(asOwner, (tx) => tx.run(statement)), 0);
  }
});

test("S70: an end lies ahead, within a year, and is never an owner's", async () => {
  const person = await joinAs(api, team.owner, team.workspaceId, "viewer");
  const refusal = async (userId: string, body: object) => {
    const { status, body: problem } = await patch(userId, body);
    return [status, problem.code];
  };
  assert.deepEqual(await refusal(person.userId, { expiresAt: later(-1_000) }), [400, "invalid_request"]);
  assert.deepEqual(await refusal(person.userId, { expiresAt: later(2 * YEAR_MS) }), [400, "invalid_request"]);
  assert.deepEqual(await refusal(person.userId, { expiresAt: "tomorrow" }), [400, "invalid_request"]);
  assert.deepEqual(await refusal(person.userId, {}), [400, "invalid_request"]);
  assert.deepEqual(await refusal(team.owner.userId, { expiresAt: later(60_000) }), [409, "membership_ends"]);
  const bad = { role: "owner", expiresAt: later(60_000) };
  assert.deepEqual(await refusal(person.userId, bad), [409, "membership_ends"]);
  const at = later(YEAR_MS);
  const changed = await patch(person.userId, { role: "editor", expiresAt: at });
  assert.deepEqual([changed.status, changed.body.role, changed.body.expiresAt], [200, "editor", at]);
  assert.deepEqual(await refusal(person.userId, { role: "owner" }), [409, "membership_ends"]);
  const token = team.owner.token;
  const list = await api.request<{ items: Record<string, unknown>[] }>("GET", members(), { token });
  const listed = list.body.items.find(({ userId }) => userId === person.userId);
  assert.deepEqual([listed?.expiresAt, listed?.emergency], [at, null]);
  const transfer = `/api/workspaces/${team.workspaceId}/transfer`;
  const handed = await api.request("POST", transfer, { token, body: { userId: person.userId } });
  assert.deepEqual([handed.status, handed.body.code], [409, "membership_ends"]);
  assert.equal((await patch(person.userId, { expiresAt: null })).body.expiresAt, null);
  const log = await query<{ details: unknown }>(
    "select details from audit_logs where target_id = $1 and action = 'member.end_changed' order by seq",
    [person.userId],
  );
  assert.deepEqual(
    log.map(({ details }) => details),
    [
      { from: null, to: at },
      { from: at, to: null },
    ],
  );
});

test("S70: members with an end, whatever their role, never keep the last owner from being the last", async () => {
  const sole = await api.register();
  const workspaceId = await createWorkspace(api, sole);
  const helper = await joinAs(api, sole, workspaceId, "editor");
  const path = `/api/workspaces/${workspaceId}/members`;
  const set = await api.request("PATCH", `${path}/${helper.userId}`, {
    token: sole.token,
    body: { expiresAt: later(60_000) },
  });
  assert.equal(set.status, 200);
  assert.equal(await statusOf(sole, "DELETE", `${path}/${sole.userId}`), 409);
  assert.equal(await statusOf(sole, "PATCH", `${path}/${sole.userId}`, { role: "viewer" }), 409);
  await assert.rejects(
    query("update workspace_members set role = 'owner' where user_id = $1 and workspace_id = $2", [
      helper.userId,
      workspaceId,
    ]),
    /workspace_members_owner_stays/,
  );
  // An administrator names who inherits: for good, or the workspace would be nobody's soon.
  const erased = await api.request("POST", `/api/admin/users/${sole.userId}/erase`, {
    token: root.token,
    body: { confirm: sole.email, successorId: helper.userId },
  });
  assert.equal(erased.status, 200, erased.text);
  const left = await query(
    "select user_id as id, role, expires_at as ends from workspace_members where workspace_id = $1",
    [workspaceId],
  );
  assert.deepEqual(left, [{ id: helper.userId, role: "owner", ends: null }]);
});

type Sent = { url: string; id: string; membershipExpiresAt: string };

test("S70: an invitation may carry the end; after it the person is a stranger who can be invited again", async () => {
  const path = `/api/workspaces/${team.workspaceId}/invitations`;
  const guest = await registerPerson(api.request);
  const invite = (more: object) =>
    api.request<Sent & { code: string }>("POST", path, {
      token: team.owner.token,
      body: { email: guest.email, role: "viewer", ...more },
    });
  const accept = (url: string) =>
    api.request("POST", "/api/invitations/accept", { token: guest.token, body: { token: tokenOf(url) } });
  for (const wrong of [{ membershipExpiresAt: later(-1) }, { membershipExpiresAt: later(2 * YEAR_MS) }]) {
    assert.equal((await invite(wrong)).status, 400);
  }
  const asOwner = await invite({ role: "owner", membershipExpiresAt: later(60_000) });
  assert.deepEqual([asOwner.status, asOwner.body.code], [409, "membership_ends"]);

  const at = later(3_600_000);
  const late = await invite({ membershipExpiresAt: at });
  assert.deepEqual([late.status, late.body.membershipExpiresAt], [201, at]);
  await query("update invitations set member_expires_at = clock_timestamp() where id = $1", [late.body.id]);
  assert.equal((await accept(late.body.url)).body.code, "invalid_invite", "it would lead to nothing");

  const good = await invite({ membershipExpiresAt: at });
  assert.equal((await accept(good.body.url)).status, 200);
  assert.equal(await statusOf(guest, "GET", members()), 200);
  assert.equal((await invite({})).body.code, "already_member");
  await endNow(guest);
  const again = await invite({ role: "operator" });
  assert.equal(again.status, 201, "who is out can be invited");
  assert.equal((await accept(again.body.url)).status, 200);
  const rows = await query(
    "select role, expires_at as ends from workspace_members where user_id = $1 and workspace_id = $2",
    [guest.userId, team.workspaceId],
  );
  assert.deepEqual(rows, [{ role: "operator", ends: null }]);
  // The new membership took the row of the old one: the log is still told of its end.
  const scheduler = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_scheduler" });
  try {
    await tidyMemberships(scheduler);
    await tidyMemberships(scheduler);
  } finally {
    await scheduler.close();
  }
  const told = await query<{ role: string }>(
    "select details ->> 'role' as role from audit_logs where target_id = $1 and action = 'member.expired'",
    [guest.userId],
  );
  assert.deepEqual(told, [{ role: "viewer" }]);
});

test("S70: ended rows are taken away by the scheduler, once, with an entry in the workspace's chain", async () => {
  const person = await joinAs(api, team.owner, team.workspaceId, "operator");
  const stays = await joinAs(api, team.owner, team.workspaceId, "operator");
  await patch(stays.userId, { expiresAt: later(60_000) });
  await endNow(person);
  const scheduler = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_scheduler" });
  try {
    const [both, none] = [
      await Promise.all([tidyMemberships(scheduler), tidyMemberships(scheduler)]),
      await tidyMemberships(scheduler),
    ];
    assert.ok((both[0] ?? 0) + (both[1] ?? 0) >= 1);
    assert.equal(none, 0);
  } finally {
    await scheduler.close();
  }
  const rows = await query<{ id: string }>(
    "select user_id as id from workspace_members where user_id = any ($1)",
    [[person.userId, stays.userId]],
  );
  assert.deepEqual(
    rows.map(({ id }) => id).filter((id) => id === person.userId).length,
    1,
    "only their own workspace's",
  );
  assert.deepEqual(rows.map(({ id }) => id).filter((id) => id === stays.userId).length, 2);
  const log = await query<{ chain: string; actor: string | null; role: string }>(
    `select chain_id as chain, actor_id as actor, details ->> 'role' as role from audit_logs
     where target_id = $1 and action = 'member.expired'`,
    [person.userId],
  );
  assert.deepEqual(log, [{ chain: team.workspaceId, actor: null, role: "operator" }]);
});
