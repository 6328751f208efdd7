// A70: no owner of a workspace puts its person out of their own, none is left without an owner, and a right that was
// lost while its holder waited for a lock changes nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { startTestApi, type TestApi } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createWorkspace, joinAs } from "../support/team.ts";

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

const erase = (by: Person, workspaceId: string, whom: Person) =>
  api.request("POST", `/api/workspaces/${workspaceId}/erase`, {
    token: by.token,
    body: { userId: whom.userId, confirm: whom.email },
  });

const ownersOf = async (workspaceId: string) =>
  (
    await asAdmin<{ id: string }>(
      testDatabase,
      "select user_id as id from workspace_members where workspace_id = $1 and role = 'owner' order by user_id",
      [workspaceId],
    )
  ).map(({ id }) => id);

/** Holds the row of a workspace, or those of its members, until `release`. */
async function hold(table: "workspaces" | "workspace_members", workspaceId: string) {
  const key = table === "workspaces" ? "id" : "workspace_id";
  const client = new pg.Client({ connectionString: testDatabase.adminUrl });
  await client.connect();
  await client.query("begin");
  await client.query(`select from ${table} where ${key} = $1 for update`, [workspaceId]);
  return {
    client,
    async waiters(count: number) {
      // On a connection of its own: within a transaction the view does not change.
      for (let looks = 0; looks < 250; looks += 1) {
        const rows = await asAdmin(
          testDatabase,
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        if (rows.length >= count) return;
        await delay(20);
      }
      throw new Error(`fewer than ${count} are waiting`);
    },
    async release() {
      await client.query("commit");
      await client.end();
    },
  };
}

test("A70: a co-owner cannot erase a person from the person's own workspace, who can sign in after the attempt", async () => {
  const ada = await api.register();
  const eve = await joinAs(api, ada, ada.workspaceId, "owner");
  const refused = await erase(eve, ada.workspaceId, ada);
  const { email } = ada;
  const signedIn = await api.request("POST", "/auth/login", { body: { email, password: PASSWORD } });
  assert.equal(signedIn.status, 200, signedIn.text);
  assert.equal(refused.status, 409, refused.text);
  assert.equal(refused.body.code, "personal_workspace");
  assert.deepEqual(await ownersOf(ada.workspaceId), [ada.userId, eve.userId].toSorted());
  assert.equal((await erase(ada, ada.workspaceId, eve)).status, 200, "the person may erase the guest");
});

test("A70: of two owners who erase each other at once one stays", async () => {
  const ada = await api.register();
  const workspaceId = await createWorkspace(api, ada);
  const eve = await joinAs(api, ada, workspaceId, "owner");
  // So that both have been asked whether they own it before either is out.
  const held = await hold("workspace_members", workspaceId);
  const both = Promise.all([erase(ada, workspaceId, eve), erase(eve, workspaceId, ada)]);
  await held.waiters(2);
  await held.release();
  const replies = await both;
  assert.equal((await ownersOf(workspaceId)).length, 1);
  assert.deepEqual(replies.map(({ status }) => status).toSorted(), [200, 404]);
});

test("A22: an owner who is demoted while their change waits changes nothing, and no entry says they did", async () => {
  const ada = await api.register();
  const workspaceId = await createWorkspace(api, ada, "Before");
  const eve = await joinAs(api, ada, workspaceId, "owner");
  const held = await hold("workspaces", workspaceId);
  await held.client.query(
    "update workspace_members set role = 'editor' where workspace_id = $1 and user_id = $2",
    [workspaceId, eve.userId],
  );
  const body = { name: "After" };
  const renaming = api.request("PATCH", `/api/workspaces/${workspaceId}`, { token: eve.token, body });
  await held.waiters(1);
  await held.release();
  const reply = await renaming;
  const entries = await asAdmin(
    testDatabase,
    "select from audit_logs where chain_id = $1 and action = 'workspace.renamed'",
    [workspaceId],
  );
  assert.equal(entries.length, 0, "the log tells of a change that never was");
  assert.equal(reply.status, 403, reply.text);
  assert.equal(reply.body.code, "forbidden");
});
