// A70 and A22: owners who leave all at once, invitations accepted fifty times, and removals that another process feels.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createAccessTokens } from "#core/crypto/access-tokens.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createWorkspace, invite, joinAs } from "../support/team.ts";

const CROWD = 50;
const HOUR_MS = 3_600_000;

let testDatabase: TestDatabase;
let first: TestApi;
let second: TestApi;

before(async () => {
  testDatabase = await createTestDatabase();
  first = await startTestApi(testDatabase.databaseUrl, { actorCacheMs: HOUR_MS });
  second = await startTestApi(testDatabase.databaseUrl, { actorCacheMs: HOUR_MS });
});
after(async () => {
  await Promise.all([first?.close(), second?.close()]);
  await testDatabase?.drop();
});

const accessTokens = createAccessTokens({
  // What test/support/api.ts gives the api, and the address it makes of port 0.
  secrets: [{ id: "test", secret: Buffer.from("0123456789abcdef0123456789abcdef") }],
  issuer: "http://127.0.0.1:0",
});

type Owner = { userId: string; token: string };

/** A workspace of fifty owners, who have signed in without the cost of fifty passwords. */
async function crowdedWorkspace(): Promise<{ id: string; owners: Owner[] }> {
  const id = uuidv7();
  const people = Array.from({ length: CROWD }, () => ({ userId: uuidv7(), sessionId: uuidv7() }));
  const rows = [id, people.map(({ userId }) => userId), people.map(({ sessionId }) => sessionId)];
  await asAdmin(
    testDatabase,
    `with person as (
       insert into users (id, email, password_hash) select p, p || '@example.com', '-' from unnest($2::uuid[]) p returning id),
     place as (insert into workspaces (id, name, created_by) values ($1, 'Crowd', ($2::uuid[])[1]) returning id),
     session as (
       insert into sessions (id, user_id, idle_expires_at, expires_at)
       select s, p, now() + interval '1 hour', now() + interval '1 hour' from unnest($2::uuid[], $3::uuid[]) x (p, s))
     insert into workspace_members (workspace_id, user_id, role) select place.id, person.id, 'owner' from person, place`,
    rows,
  );
  const owners = people.map(({ userId, sessionId }) => ({
    userId,
    token: accessTokens.sign({ userId, sessionId }).token,
  }));
  return { id, owners };
}

async function rolesIn(workspaceId: string): Promise<string[]> {
  const rows = await asAdmin<{ role: string }>(
    testDatabase,
    "select role from workspace_members where workspace_id = $1",
    [workspaceId],
  );
  return rows.map(({ role }) => role);
}

const tally = (values: readonly (number | string)[]) =>
  Object.fromEntries(Object.entries(Object.groupBy(values, String)).map(([key, all]) => [key, all?.length]));

test("A70: of fifty owners who leave at once, by two processes, one stays", async () => {
  const { id, owners } = await crowdedWorkspace();
  const statuses = await Promise.all(
    owners.map(async ({ userId, token }, index) => {
      const { request } = index % 2 === 0 ? first : second;
      return (await request("DELETE", `/api/workspaces/${id}/members/${userId}`, { token })).status;
    }),
  );
  assert.deepEqual(tally(statuses), { 204: 49, 409: 1 });
  assert.deepEqual(await rolesIn(id), ["owner"]);
});

test("A70: of fifty owners who step down at once, by two processes, one stays", async () => {
  const { id, owners } = await crowdedWorkspace();
  const statuses = await Promise.all(
    owners.map(async ({ userId, token }, index) => {
      const { request } = index % 2 === 0 ? first : second;
      const body = { role: "viewer" };
      return (await request("PATCH", `/api/workspaces/${id}/members/${userId}`, { token, body })).status;
    }),
  );
  assert.deepEqual(tally(statuses), { 200: 49, 409: 1 });
  assert.deepEqual(tally(await rolesIn(id)), { owner: 1, viewer: 49 });
});

test("A70: fifty owners in a ring who remove each other: who is out removes nobody any more", async () => {
  const { id, owners } = await crowdedWorkspace();
  const statuses = await Promise.all(
    owners.map(async ({ token }, index) => {
      const next = owners[(index + 1) % CROWD]?.userId;
      const { request } = index % 2 === 0 ? first : second;
      return (await request("DELETE", `/api/workspaces/${id}/members/${next}`, { token })).status;
    }),
  );
  assert.ok(
    statuses.every((status) => status === 204 || status === 404),
    JSON.stringify(tally(statuses)),
  );
  // One after the other, each removal takes its victim's own one away: nobody who was removed has removed before.
  const entries = await asAdmin<{ actor: string; target: string; seq: number }>(
    testDatabase,
    "select actor_id as actor, target_id as target, seq from audit_logs where chain_id = $1 order by seq",
    [id],
  );
  const gone = new Set<string>();
  for (const { actor, target } of entries) {
    assert.ok(!gone.has(actor), "somebody who had been removed went on removing");
    gone.add(target);
  }
  assert.equal(entries.length, statuses.filter((status) => status === 204).length);
  assert.equal((await rolesIn(id)).length, CROWD - entries.length);
});

test("A70: an invitation accepted fifty times at once makes one member, and one entry in the log", async () => {
  const owner = await first.register();
  const bob = await first.register();
  const id = await createWorkspace(first, owner);
  const token = await invite(first, owner, id, { email: bob.email, role: "editor" });
  const statuses = await Promise.all(
    Array.from({ length: CROWD }, async (_, index) => {
      const { request } = index % 2 === 0 ? first : second;
      return (await request("POST", "/api/invitations/accept", { token: bob.token, body: { token } })).status;
    }),
  );
  assert.deepEqual(tally(statuses), { 200: 1, 400: 49 });
  assert.deepEqual(tally(await rolesIn(id)), { owner: 1, editor: 1 });
  const entries = await asAdmin<{ action: string }>(
    testDatabase,
    "select action from audit_logs where chain_id = $1 and actor_id = $2",
    [id, bob.userId],
  );
  assert.deepEqual(tally(entries.map(({ action }) => action)), {
    "invitation.accepted": 1,
    "member.added": 1,
  });
});

test("A70: five registrations at once with one invitation make one person", async () => {
  const owner = await first.register();
  const email = `${randomUUID()}@example.com`;
  const token = await invite(first, owner, owner.workspaceId, { email, role: "viewer" });
  const body = { email, password: PASSWORD, invite: token };
  const replies = await Promise.all(
    [first, second, first, second, first].map(({ request }) => request("POST", "/auth/register", { body })),
  );
  const statuses = replies.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 201).length, 1, JSON.stringify(tally(statuses)));
  assert.ok(statuses.every((status) => [201, 400, 409].includes(status)));
  assert.deepEqual(tally(await rolesIn(owner.workspaceId)), { owner: 1, viewer: 1 });
});

test("A22: who is removed, or demoted, at one process is so at the other, though both remember people for an hour", {
  timeout: 60_000,
}, async () => {
  const owner = await first.register();
  const id = await createWorkspace(first, owner);
  const bob = await joinAs(first, owner, id, "editor");
  const at = `/api/workspaces/${id}`;
  const statusAt = async ({ request }: TestApi, { token }: Person, method = "GET", body?: unknown) =>
    (await request(method, at, { token, body })).status;
  for (const api of [first, second]) assert.equal(await statusAt(api, bob), 200);
  const change = (method: string, body?: unknown) =>
    first.request(method, `${at}/members/${bob.userId}`, { token: owner.token, body });

  assert.equal((await change("PATCH", { role: "owner" })).status, 200);
  const rename = { name: "Bob's" };
  assert.equal(await statusAt(first, bob, "PATCH", rename), 200, "the same process knows with the answer");
  // The announcement needs a moment to arrive; without it the answer would stay for an hour.
  while ((await statusAt(second, bob, "PATCH", rename)) !== 200) await delay(20);

  assert.equal((await change("DELETE")).status, 204);
  assert.equal(await statusAt(first, bob), 404);
  while ((await statusAt(second, bob)) !== 404) await delay(20);
});
