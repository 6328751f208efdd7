// A09, A22: who is removed, demoted or disabled loses it with the next call, though every process remembers people.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { announceIdentityChange } from "#core/persistence/identity/identity-changes.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Person } from "../support/client.ts";
import { createExecutionBed, type ExecutionBed } from "../support/executions.ts";
import { chain, createWorkflow } from "../support/workflows.ts";

// Long enough that no answer below comes from its end.
const HOUR_MS = 3_600_000;
const PATIENCE = { timeout: 20_000 };

let bed: ExecutionBed;
let first: TestApi;
let second: TestApi;
let owner: Person;
let workflow: string;

before(async () => {
  bed = await createExecutionBed();
  first = await startTestApi(bed.databaseUrl, { actorCacheMs: HOUR_MS });
  second = await startTestApi(bed.databaseUrl, { actorCacheMs: HOUR_MS });
  owner = await first.register();
  workflow = await createWorkflow(first.request, owner, chain());
});
after(async () => {
  await Promise.all([first?.close(), second?.close()]);
  await bed?.close();
});

const workflowAt = async ({ request }: TestApi, token: string) =>
  (await request("GET", `/api/workflows/${workflow}`, { token })).status;
const renameAt = async ({ request }: TestApi, token: string) =>
  (await request("PUT", `/api/workflows/${workflow}`, { token, body: { name: "renamed" } })).status;

/** The announcement needs a moment to reach the other process; the cache alone would say the old for an hour. */
async function untilStatus(ask: () => Promise<number>, status: number): Promise<void> {
  while ((await ask()) !== status) await delay(20);
}

/** A member with a token and a key, both remembered at both processes. */
async function addEditor(): Promise<Person & { key: string }> {
  const editor = await first.register();
  await bed.admin.query(
    "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'editor')",
    [owner.workspaceId, editor.userId],
  );
  await announce(editor);
  const made = await first.request<{ key: string }>("POST", "/auth/api-keys", {
    token: editor.token,
    body: { name: "ci", scopes: ["read", "write"] },
  });
  const { key } = made.body;
  for (const token of [editor.token, key]) {
    for (const api of [first, second]) await untilStatus(() => renameAt(api, token), 200);
  }
  return { ...editor, key };
}

/** What services do that change memberships by other ways than the routes below. */
async function announce({ userId }: Person): Promise<void> {
  const database = bed.open("atelier_api", 1);
  await database.transaction({ workspaceIds: [] }, (tx) => announceIdentityChange(tx, [userId]));
}

test(
  "A22: a removed member's token and key find nothing at the next call, at the second process too",
  PATIENCE,
  async () => {
    const editor = await addEditor();
    const member = `/api/workspaces/${owner.workspaceId}/members/${editor.userId}`;
    const removed = await first.request("DELETE", member, { token: owner.token });
    assert.equal(removed.status, 204, removed.text);
    for (const token of [editor.token, editor.key]) {
      assert.equal(await workflowAt(first, token), 404);
      await untilStatus(() => workflowAt(second, token), 404);
      assert.equal(await renameAt(second, token), 404);
    }
    assert.equal(
      (await first.request("GET", "/auth/me", { token: editor.token })).status,
      200,
      "still a person",
    );
  },
);

test(
  "A09: a role made smaller is smaller at the next call, at the second process too",
  PATIENCE,
  async () => {
    const editor = await addEditor();
    await bed.admin.query(
      "update workspace_members set role = 'viewer' where user_id = $1 and workspace_id = $2",
      [editor.userId, owner.workspaceId],
    );
    assert.equal(await renameAt(second, editor.token), 200, "not looked up again before the announcement");
    await announce(editor);
    for (const token of [editor.token, editor.key]) {
      for (const api of [first, second]) await untilStatus(() => renameAt(api, token), 403);
      assert.equal(await workflowAt(second, token), 200);
    }
  },
);

test(
  "A09: a person an administrator disables is out at the next call, at the second process too",
  PATIENCE,
  async () => {
    const editor = await addEditor();
    // The first who registered is the administrator.
    const disabled = await first.request("PATCH", `/api/admin/users/${editor.userId}`, {
      token: owner.token,
      body: { disabled: true },
    });
    assert.equal(disabled.status, 200, disabled.text);
    for (const token of [editor.token, editor.key]) {
      assert.equal(await workflowAt(first, token), 401);
      await untilStatus(() => workflowAt(second, token), 401);
    }
  },
);

test("A22: an administrator who is made an ordinary person administers no more", PATIENCE, async () => {
  const other = await first.register();
  const change = (isAdmin: boolean) =>
    first.request("PATCH", `/api/admin/users/${other.userId}`, { token: owner.token, body: { isAdmin } });
  const usersAt = async ({ request }: TestApi) =>
    (await request("GET", "/api/admin/users", { token: other.token })).status;
  assert.equal((await change(true)).status, 200);
  for (const api of [first, second]) await untilStatus(() => usersAt(api), 200);
  assert.equal((await change(false)).status, 200);
  assert.equal(await usersAt(first), 403);
  await untilStatus(() => usersAt(second), 403);
});
