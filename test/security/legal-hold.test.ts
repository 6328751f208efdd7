// Legal hold and retention over HTTP: who may set them and lift them, and that nothing held is deleted or erased by anybody.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import type { Person } from "../support/client.ts";
import { chain } from "../support/workflows.ts";
import { createEraseBed, type EraseBed } from "./erase-bed.ts";

type Retention = { executionDays: number | null; payloadDays: number | null };
type Workspace = {
  code: string;
  name: string;
  retention: Retention;
  legalHold: { since: string; by: string; reason: string } | null;
};

let bed: EraseBed;
let owner: Person;
let editor: Person;
let stranger: Person;
let shared: string;

before(async () => {
  bed = await createEraseBed();
  owner = await bed.api.register();
  editor = await bed.api.register();
  stranger = await bed.api.register();
  shared = uuidv7();
  await bed.addWorkspace(shared, owner, "Shared");
  await bed.addMember(shared, editor, "editor");
});
after(() => bed?.close());

const patch = (person: Person, body: unknown, id = shared) =>
  bed.call<Workspace>(person, "PATCH", `/api/workspaces/${id}`, body);
const read = async (id = shared) => (await bed.call<Workspace>(owner, "GET", `/api/workspaces/${id}`)).body;
const hold = (reason = "Smith v. Jones, 12-3456") =>
  patch(owner, { legalHold: true, legalHoldReason: reason });
const lift = (reason = "the case is closed") => patch(owner, { legalHold: false, legalHoldReason: reason });

async function lastEntry(chain: string): Promise<{ action: string; actor_id: string; details: unknown }> {
  const text =
    "select action, actor_id, details from audit_logs where chain_id = $1 order by seq desc limit 1";
  const [entry] = await bed.query<{ action: string; actor_id: string; details: unknown }>(text, [chain]);
  assert.ok(entry);
  return entry;
}

test("an owner says how long things are kept; others, strangers and nonsense are refused, and the log tells", async () => {
  assert.deepEqual((await read()).retention, { executionDays: null, payloadDays: null });
  const days = { retention: { executionDays: 90, payloadDays: 30 } };
  const set = await patch(owner, days);
  assert.deepEqual([set.status, set.body.retention], [200, days.retention]);
  const { action, actor_id: by, details } = await lastEntry(shared);
  const from = { executionDays: null, payloadDays: null };
  assert.deepEqual(
    [action, by, details],
    ["workspace.retention_changed", owner.userId, { from, to: days.retention }],
  );
  assert.deepEqual((await patch(owner, { retention: { payloadDays: null } })).body.retention, {
    executionDays: 90,
    payloadDays: null,
  });
  assert.equal((await patch(editor, days)).status, 403);
  assert.equal((await patch(stranger, days)).status, 404);
  assert.equal((await patch(owner, days, stranger.workspaceId)).status, 404, "another's workspace");
  assert.equal((await patch(bed.admin, days)).status, 404, "nor an administrator's business");
  const longer = await patch(owner, { retention: { payloadDays: 91 } });
  assert.deepEqual([longer.status, longer.body.code], [400, "invalid_retention"]);
  for (const bad of [{ executionDays: 0 }, { executionDays: 1.5 }, { payloadDays: 36_501 }, { days: 1 }])
    assert.equal((await patch(owner, { retention: bad })).status, 400, JSON.stringify(bad));
  assert.deepEqual((await read()).retention, { executionDays: 90, payloadDays: null });
  const client = await bed.query("select execution_days, payload_days from workspaces where id = $1", [
    stranger.workspaceId,
  ]);
  assert.deepEqual(client, [{ execution_days: null, payload_days: null }]);
});

test("a hold needs an owner and a reason; to lift it takes an owner who is signed in, and the log says who and why", async () => {
  assert.equal((await patch(owner, { legalHold: true })).body.code, "invalid_legal_hold");
  assert.equal((await patch(editor, { legalHold: true, legalHoldReason: "because" })).status, 403);
  const set = await hold();
  assert.equal(set.status, 200);
  assert.deepEqual(
    [set.body.legalHold?.by, set.body.legalHold?.reason],
    [owner.userId, "Smith v. Jones, 12-3456"],
  );
  assert.ok(Math.abs(Date.parse(set.body.legalHold?.since ?? "") - Date.now()) < 60_000);
  const { action, details } = await lastEntry(shared);
  assert.deepEqual([action, details], ["workspace.legal_hold_set", { reason: "Smith v. Jones, 12-3456" }]);

  const scopes = ["read", "run", "approve", "write", "admin"];
  const key = await bed.call<{ key: string }>(owner, "POST", "/auth/api-keys", { name: "all", scopes });
  const byKey = (body: unknown) => patch({ ...owner, token: key.body.key }, body);
  assert.equal((await byKey({ name: "Shared" })).status, 200, "the key may change the workspace");
  const refused = await byKey({ legalHold: false, legalHoldReason: "the case is closed" });
  assert.deepEqual([refused.status, refused.body.code], [403, "forbidden"]);
  assert.equal((await patch(owner, { legalHold: false })).body.code, "invalid_legal_hold");
  assert.notEqual((await read()).legalHold, null);
  const lifted = await lift();
  assert.deepEqual([lifted.status, lifted.body.legalHold], [200, null]);
  const entry = await lastEntry(shared);
  assert.deepEqual([entry.action, entry.actor_id], ["workspace.legal_hold_lifted", owner.userId]);
  assert.equal((entry.details as { reason: string }).reason, "the case is closed");
});

test("under hold no file, workspace, member or person is deleted or erased; lifted, all of it goes on", async () => {
  const file = uuidv7();
  await bed.query(
    `insert into files (id, workspace_id, owner_id, name, content_type, sha256, completed_at)
     values ($1, $2, $3, 'a.txt', 'text/plain', '\\x00', now())`,
    [file, shared, owner.userId],
  );
  await hold();
  const { name } = await read();
  const erase = { userId: editor.userId, confirm: editor.email };
  const refusals = [
    [owner, "DELETE", `/api/files/${file}`],
    [owner, "DELETE", `/api/workspaces/${shared}`, { confirm: name }],
    [owner, "POST", `/api/workspaces/${shared}/erase`, erase],
    [bed.admin, "POST", `/api/admin/users/${editor.userId}/erase`, { confirm: editor.email }],
  ] as const;
  for (const [person, method, path, body] of refusals) {
    const reply = await bed.call<{ code: string }>(person, method, path, body);
    assert.deepEqual([reply.status, reply.body.code], [409, "legal_hold"], `${method} ${path}`);
  }
  assert.deepEqual(await bed.query("select 1 from erasures"), []);
  const members = await bed.query("select 1 from workspace_members where workspace_id = $1", [shared]);
  assert.equal(members.length, 2, "the refusals took nothing away");
  const signedIn = await bed.query("select 1 from users where id = $1 and disabled_at is null", [
    editor.userId,
  ]);
  assert.equal(signedIn.length, 1);

  // Somebody who has left is named in its log.
  const gone = await bed.call(owner, "DELETE", `/api/workspaces/${shared}/members/${editor.userId}`);
  assert.equal(gone.status, 204);
  const leaver = await bed.call<{ code: string }>(...refusals[3]);
  assert.deepEqual([leaver.status, leaver.body.code], [409, "legal_hold"]);
  const bystander = await bed.call(bed.admin, "POST", `/api/admin/users/${stranger.userId}/erase`, {
    confirm: stranger.email,
  });
  assert.ok(bystander.status < 300, "who has nothing to do with it is erased as ever");

  await lift();
  assert.equal((await bed.call(owner, "DELETE", `/api/files/${file}`)).status, 204);
  assert.ok((await bed.call(...refusals[3])).status < 300);
  assert.deepEqual(await bed.brokenChains(), []);
});

test("a schedule of a held workspace can be paused, not deleted, by whomever; a key that writes sets and lifts nothing", async () => {
  const graph = chain();
  const workflow = await bed.call<{ id: string }>(owner, "POST", "/api/workflows", {
    ...{ name: "w", graph, workspaceId: shared },
  });
  const body = { workflowId: workflow.body.id, cron: "0 0 1 1 *" };
  const made = await bed.call<{ id: string }>(owner, "POST", "/api/schedules", body);
  const path = `/api/schedules/${made.body.id}`;
  const given = { name: "writes", scopes: ["read", "write", "run"] };
  const key = await bed.call<{ key: string }>(owner, "POST", "/auth/api-keys", given);
  const writer = { ...owner, token: key.body.key };
  for (const change of [{ legalHold: true, legalHoldReason: "mine" }, { retention: { executionDays: 1 } }]) {
    const refused = await patch(writer, change);
    assert.deepEqual([refused.status, refused.body.code], [403, "scope_missing"]);
  }
  await hold();
  for (const person of [owner, writer]) {
    const reply = await bed.call<{ code: string }>(person, "DELETE", path);
    assert.deepEqual([reply.status, reply.body.code], [409, "legal_hold"]);
  }
  const newcomer = await bed.api.register();
  assert.equal((await bed.call(newcomer, "DELETE", path)).status, 404, "to others it does not exist");
  assert.equal((await bed.call(owner, "PATCH", path, { enabled: false })).status, 200);
  const { deleteSchedule } = await import("#core/persistence/schedules/schedules.ts");
  const principals = { userId: owner.userId, workspaceIds: [shared] };
  const bare = bed.database.transaction(principals, (tx) => deleteSchedule(tx, made.body.id));
  await assert.rejects(bare, { code: "ZA004" }, "an api of the release before is told");
  assert.equal((await bed.call(owner, "GET", path)).status, 200, "the trigger stands below the code");
  await lift();
  assert.equal((await bed.call(writer, "DELETE", path)).status, 204);
});

test("the wall below: the api's role deletes no file of a held workspace whatever the code says", async () => {
  const file = uuidv7();
  await bed.query(
    `insert into files (id, workspace_id, owner_id, name, content_type) values ($1, $2, $3, 'a', 'text/plain')`,
    [file, shared, owner.userId],
  );
  const principals = { userId: owner.userId, workspaceIds: [shared] };
  const { deleteFile } = await import("#core/persistence/files.ts");
  const remove = () => bed.database.transaction(principals, (tx) => deleteFile(tx, file, "unfinished"));
  await hold();
  assert.equal(await remove(), false);
  await lift();
  assert.equal(await remove(), true);
});
