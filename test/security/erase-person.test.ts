// Erasure of people: nothing names them afterwards, the chains verify, what they left goes on with somebody else.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { appendAudit } from "#core/persistence/audit/audit-logs.ts";
import type { Person } from "../support/client.ts";
import { createWorkflow } from "../support/workflows.ts";
import { createEraseBed, type EraseBed } from "./erase-bed.ts";

type Problem = { code: string; details?: { workspaceIds?: string[] } };

const GRAPH = { nodes: [{ id: "start", type: "trigger.manual", data: { config: {} } }], edges: [] };

let bed: EraseBed;
let ada: Person;
let eve: Person;
let shared: string;
let count = 0;

before(async () => {
  bed = await createEraseBed();
});
after(() => bed?.close());

beforeEach(async () => {
  count += 1;
  ada = await bed.api.register(`ada.${count}@example.com`);
  eve = await bed.api.register(`Eve.O'Hara+${count}@example.com`);
  await bed.query("update users set name = $2 where id = $1", [eve.userId, `Eve O'Hara the ${count}`]);
  shared = uuidv7();
  await bed.addWorkspace(shared, ada, "Shared");
  await bed.addMember(shared, eve, "editor");
  await bed.database.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(tx, [
      entryOf(ada.userId, "member.invited", { email: eve.email, role: "editor" }),
      { ...entryOf(ada.userId, "note", { text: `Eve O'Hara the ${count} joined` }), targetId: eve.userId },
      entryOf(ada.userId, "note", { email: `x${eve.email}` }),
      entryOf(ada.userId, "note", { nothing: "of her" }),
      entryOf(ada.userId, "note", { text: `a workflow that is called Eve O'Hara the ${count}` }),
    ]),
  );
});

const entryOf = (actorId: string, action: string, details: unknown) => ({
  chainId: shared,
  actorId,
  action,
  targetType: "user",
  targetId: null,
  details,
});
const eraseMember = (by: Person, whom: Person, confirm: string, workspaceId = shared) =>
  bed.call<Problem & { erasedEntries: number; movedItems: number }>(
    by,
    "POST",
    `/api/workspaces/${workspaceId}/erase`,
    { userId: whom.userId, confirm },
  );
const erasePerson = (whom: Person, confirm: string, more: Record<string, unknown> = {}) =>
  bed.call<Problem & { deletedWorkspaces: number; leftWorkspaces: number; erasedEntries: number }>(
    bed.admin,
    "POST",
    `/api/admin/users/${whom.userId}/erase`,
    { confirm, ...more },
  );
const details = async (chain: string) =>
  (
    await bed.query<{ details: unknown }>("select details from audit_logs where chain_id = $1 order by seq", [
      chain,
    ])
  ).map((row) => row.details);

test("an owner erases a person from a workspace: membership, ownership and log, and the chain verifies", async () => {
  const workflow = await bed.call<{ id: string }>(eve, "POST", "/api/workflows", {
    name: "hers",
    graph: GRAPH,
    workspaceId: shared,
  });
  assert.equal(workflow.status, 201);
  const before = await details(shared);
  const reply = await eraseMember(ada, eve, eve.email.toUpperCase());
  assert.equal(reply.status, 200);
  assert.deepEqual([reply.body.movedItems, reply.body.erasedEntries], [1, 2]);
  const afterwards = await details(shared);
  assert.deepEqual(
    afterwards.slice(0, 5),
    [null, null, before[2], before[3], before[4]],
    "whose address is longer is another, and who takes a name does not empty what others wrote",
  );
  assert.deepEqual(await bed.brokenChains(), []);
  const rows = await bed.query(
    "select owner_id, created_by from workflows w join workflow_versions v on v.workflow_id = w.id",
  );
  assert.deepEqual(
    rows,
    [{ owner_id: ada.userId, created_by: eve.userId }],
    "who made a version stays its id",
  );
  assert.equal((await bed.call(eve, "GET", `/api/workflows/${workflow.body.id}`)).status, 404);
  assert.equal((await bed.call(eve, "GET", "/auth/me")).status, 200, "she is a person of the instance still");
  const [noted] = await bed.query<{ details: { entries: string[] } }>(
    "select details from audit_logs where chain_id = $1 and action = 'audit.details_erased'",
    [shared],
  );
  const emptied = await bed.query<{ id: string }>(
    "select id from audit_logs where chain_id = $1 and action in ('member.invited', 'note') and details is null",
    [shared],
  );
  assert.deepEqual(noted?.details.entries.toSorted(), emptied.map((row) => row.id).toSorted());
  const again = await eraseMember(ada, eve, eve.email);
  assert.deepEqual([again.status, again.body.erasedEntries], [200, 0], "asked again it finds nothing left");
});

test("erasing from a workspace is refused to all but its owners, for strangers, oneself and a wrong address", async () => {
  const stranger = await bed.api.register();
  assert.equal((await eraseMember(eve, ada, ada.email)).status, 403, "an editor");
  assert.equal((await eraseMember(stranger, eve, eve.email)).status, 404, "somebody else's workspace");
  assert.equal((await eraseMember(bed.admin, eve, eve.email)).status, 404, "an administrator is no owner");
  assert.equal(
    (await eraseMember(ada, stranger, stranger.email)).status,
    404,
    "somebody who was never there",
  );
  assert.equal((await eraseMember(ada, ada, ada.email)).status, 409);
  const wrong = await eraseMember(ada, eve, ada.email);
  assert.deepEqual([wrong.status, wrong.body.code], [400, "invalid_confirmation"]);
  const extra = { userId: eve.userId, confirm: eve.email, force: true };
  assert.equal((await bed.call(ada, "POST", `/api/workspaces/${shared}/erase`, extra)).status, 400);
  assert.equal((await details(shared)).includes(null), false, "nothing was emptied");
  assert.equal(
    (await bed.query("select 1 from workspace_members where user_id = $1", [eve.userId])).length,
    2,
  );
});

test("S43: an administrator erases a person, whose address is in no table afterwards; all chains verify", async () => {
  await createWorkflow(bed.api.request, eve, GRAPH);
  await bed.query(
    `insert into api_keys (id, user_id, name, key_hash, scopes) values ($1, $2, 'k', '\\x01${count}0', '{read}')`,
    [uuidv7(), eve.userId],
  );
  await bed.query(
    `insert into invitations (id, workspace_id, email, role, token_hash, invited_by, expires_at)
     values ($1, $2, $3, 'viewer', $4, $5, now())`,
    [uuidv7(), shared, eve.email.toUpperCase(), Buffer.from([count]), ada.userId],
  );
  await bed.query(
    `insert into approvals (id, workspace_id, execution_id, node_id, approvers) values ($1, $2, $3, 'a', $4)`,
    [uuidv7(), shared, uuidv7(), [eve.email.toLowerCase(), ada.email]],
  );
  const mine = await bed.query<{ email: string }>("select email from users where id = $1", [eve.userId]);
  const email = mine[0]?.email ?? "";
  // Addresses that hold hers are others', and stay.
  await bed.query("update users set name = '' where id = $1", [ada.userId]);
  assert.ok((await bed.findText(email)).length >= 4, `${await bed.findText(email)}`);
  assert.deepEqual(await bed.brokenChains(), []);
  const reply = await erasePerson(eve, email);
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  assert.deepEqual([reply.body.deletedWorkspaces, reply.body.leftWorkspaces], [1, 1]);
  assert.deepEqual(await bed.brokenChains(), [], "chains hold the hashes of what is gone");
  const [user] = await bed.query(
    "select email, name, password_hash, is_admin, disabled_at is null enabled from users where id = $1",
    [eve.userId],
  );
  assert.deepEqual(user, {
    email: `erased-${eve.userId}@invalid`,
    name: "Erased person",
    password_hash: "erased",
    is_admin: false,
    enabled: false,
  });
  assert.equal((await bed.call(eve, "GET", "/auth/me")).status, 401);
  for (const table of ["sessions", "api_keys", "workspace_members"]) {
    assert.deepEqual(await bed.query(`select 1 from ${table} where user_id = $1`, [eve.userId]), [], table);
  }
  const [home] = await bed.query("select deleted_at is not null as hidden from workspaces where id = $1", [
    eve.workspaceId,
  ]);
  assert.deepEqual(home, { hidden: true });
  // The one entry with the longer address is another person's; without it nothing holds hers.
  assert.deepEqual(await bed.findText(email), ["audit_logs.details"]);
  assert.deepEqual(
    (await details(shared)).filter((entry) => JSON.stringify(entry)?.includes(eve.email)),
    [{ email: `x${eve.email}` }],
  );
  const name = `Eve O'Hara the ${count}`;
  assert.deepEqual(await bed.findText(name), ["audit_logs.details"]);
  assert.deepEqual(
    (await details(shared)).filter((entry) => JSON.stringify(entry)?.includes(name)),
    [{ text: `a workflow that is called ${name}` }],
    "only in an entry that is neither by nor about her",
  );
  const patched = await bed.call(bed.admin, "PATCH", `/api/admin/users/${eve.userId}`, { disabled: false });
  assert.equal(patched.status, 409, "there is nobody to enable");
  assert.equal((await erasePerson(eve, email)).status, 404, "nobody to erase again");
  assert.equal((await bed.api.register(email)).email, email, "the address is free");
});

test("who alone owns a workspace with others in it is erased only with a successor, who then owns it", async () => {
  const refused = await erasePerson(ada, ada.email);
  assert.deepEqual([refused.status, refused.body.code], [409, "last_owner"]);
  assert.deepEqual(refused.body.details?.workspaceIds, [shared]);
  assert.equal((await bed.call(ada, "GET", "/auth/me")).status, 200, "a refusal changes nothing");
  assert.equal((await erasePerson(ada, ada.email, { successorId: uuidv7() })).status, 404);
  assert.equal((await erasePerson(ada, ada.email, { successorId: ada.userId })).status, 404);
  assert.equal((await erasePerson(ada, ada.email, { successorId: eve.userId })).status, 200);
  const owners = await bed.query("select user_id, role from workspace_members where workspace_id = $1", [
    shared,
  ]);
  assert.deepEqual(owners, [{ user_id: eve.userId, role: "owner" }]);
});

test("an administrator cannot erase themselves, nor anybody under a wrong address", async () => {
  const own = await erasePerson(bed.admin, bed.admin.email);
  assert.equal(own.status, 409);
  const wrong = await erasePerson(eve, ada.email);
  assert.deepEqual([wrong.status, wrong.body.code], [400, "invalid_confirmation"]);
  assert.equal((await bed.call(eve, "GET", "/auth/me")).status, 200);
});

test("the log and the row of a person cannot be emptied without the entry that says so", async () => {
  const asAda = { userId: ada.userId, workspaceIds: [shared] };
  const asRoot = { userId: bed.admin.userId, workspaceIds: [] };
  const silently = (principals: typeof asAda, text: string) =>
    bed.database.transaction(principals, (tx) => tx.many<{ outcome?: string }>({ text, values: [] }));
  const address = eve.email.replace("'", "''");
  const ofMember = uuidv7();
  const leave = `select * from erase_member('${ofMember}', '${shared}', '${eve.userId}', '${address}')`;
  await silently(asAda, leave);
  const empty = `select * from erase_step('${ofMember}', 100, 0)`;
  await assert.rejects(silently(asAda, empty), /erasure without the audit entry audit.details_erased/);
  const ofPerson = uuidv7();
  const begin = `select * from erase_begin_person('${ofPerson}', '${eve.userId}', '${address}', '${ada.userId}')`;
  await assert.rejects(silently(asRoot, begin), /erasure without the audit entry workspace.deleted/);
  const [refused] = await silently(asAda, begin);
  assert.equal(refused?.outcome, "forbidden", "and only for an administrator");
  // As if all that is left were the row.
  await bed.query(
    `insert into erasures (id, user_id, asked_by, email, name, sealed_at) values ($1, $2, $3, 'nobody@x', '', now())`,
    [ofPerson, (await bed.api.register()).userId, bed.admin.userId],
  );
  await bed.query("insert into erasure_places select $1, chain_id, seq from audit_heads", [ofPerson]);
  await bed.query("update workspaces set personal = false where personal");
  await bed.query(
    "delete from workspace_members m using erasures e where e.id = $1 and m.user_id = e.user_id",
    [ofPerson],
  );
  const finish = `select * from erase_step('${ofPerson}', 10000, 0)`;
  await assert.rejects(silently(asRoot, finish), /erasure without the audit entry user.erased/);
  const direct = "update audit_logs set details = null";
  await assert.rejects(silently(asAda, direct), /permission denied/);
  const byOwner = `update audit_logs set details = null where chain_id = '${shared}'`;
  await assert.rejects(bed.query(byOwner), /append-only/, "not even for the superuser");
  assert.equal((await details(shared)).includes(null), false);
});
