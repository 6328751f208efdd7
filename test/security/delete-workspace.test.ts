// Deletion of workspaces: refused to most, at once for everybody, purged to the last row, and the log stays whole.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createDatabase } from "#core/persistence/database.ts";
import { sql } from "#core/persistence/sql.ts";
import { purgeWorkspaces } from "#core/services/erasure/purge-workspaces.ts";
import type { Person } from "../support/client.ts";
import { createEraseBed, type EraseBed } from "./erase-bed.ts";
import { seedTenant, type Tenant } from "./seed-tenant.ts";

let bed: EraseBed;
let owner: Person;
let editor: Person;

before(async () => {
  bed = await createEraseBed();
  owner = await bed.api.register();
  editor = await bed.api.register();
});
after(() => bed?.close());

const remove = (person: Person, id: string, confirm: string) =>
  bed.call<{ code: string }>(person, "DELETE", `/api/workspaces/${id}`, { confirm });

/** A workspace with a row in every tenant table, which the two have joined. */
async function addFullWorkspace(name: string): Promise<Tenant> {
  const client = new pg.Client({ connectionString: bed.testDatabase.adminUrl });
  await client.connect();
  try {
    const tenant = await seedTenant(client, name);
    // Its seeded log entry is no chain: the real one begins with what the test does.
    await client.query("set session_replication_role = replica");
    await client.query("delete from audit_logs where chain_id = $1", [tenant.workspaceId]);
    await client.query("update workspaces set personal = false where id = $1", [tenant.workspaceId]);
    await bed.addMember(tenant.workspaceId, owner, "owner");
    await bed.addMember(tenant.workspaceId, editor, "editor");
    return tenant;
  } finally {
    await client.end();
  }
}

async function tenantTables(): Promise<string[]> {
  const rows = await bed.query<{ name: string }>(`
    select c.relname as name from pg_class c join pg_attribute k on k.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and k.attname = 'workspace_id' and not k.attisdropped`);
  return rows.map((row) => row.name);
}

async function rowsLeft(workspaceId: string): Promise<string[]> {
  const left: string[] = [];
  for (const table of await tenantTables()) {
    const found = await bed.query(`select 1 from ${table} where workspace_id = $1 limit 1`, [workspaceId]);
    if (found.length > 0) left.push(table);
  }
  return left.toSorted();
}

async function purge(): Promise<string[]> {
  const { databaseUrl } = bed.testDatabase;
  const database = createDatabase({ databaseUrl, role: "atelier_scheduler", maxConnections: 1 });
  try {
    return await purgeWorkspaces(database, { batch: 2 });
  } finally {
    await database.close();
  }
}

test("deleting is refused to other roles, strangers, administrators, for a wrong name and a personal workspace", async () => {
  const { workspaceId } = await addFullWorkspace("refused");
  const stranger = await bed.api.register();
  assert.equal((await remove(editor, workspaceId, "refused")).status, 403);
  assert.equal((await remove(stranger, workspaceId, "refused")).status, 404);
  assert.equal((await remove(bed.admin, workspaceId, "refused")).status, 404);
  assert.equal((await remove(owner, uuidv7(), "refused")).status, 404);
  const wrong = await remove(owner, workspaceId, "Refused");
  assert.deepEqual([wrong.status, wrong.body.code], [400, "invalid_confirmation"]);
  assert.equal((await bed.call(owner, "DELETE", `/api/workspaces/${workspaceId}`)).status, 400, "no body");
  const [home] = await bed.query<{ name: string }>("select name from workspaces where id = $1", [
    owner.workspaceId,
  ]);
  const personal = await remove(owner, owner.workspaceId, home?.name ?? "");
  assert.deepEqual([personal.status, personal.body.code], [409, "personal_workspace"]);
  const marked = "select 1 from workspaces where deleted_at is not null";
  assert.deepEqual(await bed.query(marked), []);
});

test("a deleted workspace is gone for every member at the next request, its secrets at once, its runs soon", async () => {
  const { workspaceId, ids } = await addFullWorkspace("gone");
  const paths = [`/api/workflows/${ids.workflow}`, `/api/executions/${ids.execution}`];
  for (const path of paths) assert.equal((await bed.call(editor, "GET", path)).status, 200, path);
  assert.equal((await remove(owner, workspaceId, "gone")).status, 202);
  for (const person of [owner, editor]) {
    for (const path of paths) assert.equal((await bed.call(person, "GET", path)).status, 404, path);
    const me = await bed.call<{ workspaces: { id: string }[] }>(person, "GET", "/auth/me");
    assert.ok(!me.body.workspaces.some((workspace) => workspace.id === workspaceId));
  }
  assert.equal((await remove(owner, workspaceId, "gone")).status, 404, "deleted once");
  assert.deepEqual(await bed.query("select 1 from credentials where workspace_id = $1", [workspaceId]), []);
  assert.deepEqual(
    await bed.query("select 1 from schedules where workspace_id = $1 and enabled", [workspaceId]),
    [],
  );
  assert.ok((await purge()).includes(workspaceId));
});

test("the purge leaves no row of the workspace, all rows of the others, and a log that verifies", async () => {
  const other = await addFullWorkspace("other");
  const kept = await rowsLeft(other.workspaceId);
  assert.deepEqual(kept, (await tenantTables()).toSorted(), "the other one has a row everywhere");
  const { workspaceId } = await addFullWorkspace("purged");
  assert.equal((await remove(owner, workspaceId, "purged")).status, 202);
  assert.deepEqual(await purge(), [workspaceId]);
  assert.deepEqual(await rowsLeft(workspaceId), []);
  assert.deepEqual(await bed.query("select 1 from workspaces where id = $1", [workspaceId]), []);
  assert.deepEqual(await rowsLeft(other.workspaceId), kept);
  const log = await bed.query<{ action: string }>(
    "select action from audit_logs where chain_id = $1 order by seq desc limit 1",
    [workspaceId],
  );
  assert.deepEqual(log, [{ action: "workspace.deleted" }], "its last entry");
  const instance = await bed.query<{ action: string }>(
    "select action from audit_logs where target_id = $1 and chain_id <> $2 order by seq",
    [workspaceId, workspaceId],
  );
  assert.deepEqual(
    instance.map((entry) => entry.action),
    ["workspace.deleted", "workspace.purged"],
  );
  assert.deepEqual(await bed.brokenChains(), []);
  assert.deepEqual(await purge(), [], "nothing is left to do");
});

test("a purge cancels what waits, asks the worker of what runs, and waits until it has let go", async () => {
  const { workspaceId, ids } = await addFullWorkspace("busy");
  const running = uuidv7();
  await bed.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, status, root_id, lease_until)
     values ($1, $2, $3, 1, $4, 'running', $1, now() + interval '1 hour')`,
    [running, workspaceId, ids.workflow, owner.userId],
  );
  await remove(owner, workspaceId, "busy");
  assert.deepEqual(await purge(), []);
  const left = await bed.query<{ id: string; asked: boolean }>(
    "select id, cancel_requested_at is not null as asked from workflow_executions where workspace_id = $1",
    [workspaceId],
  );
  assert.deepEqual(left, [{ id: running, asked: true }]);
  const ended = "update workflow_executions set status = 'cancelled', finished_at = now() where id = $1";
  await bed.query(ended, [running]);
  assert.deepEqual(await purge(), [workspaceId]);
});

test("a transaction that began before the deletion is waited for, so that nothing of it stays behind", async () => {
  const { workspaceId } = await addFullWorkspace("raced");
  const late = new pg.Client({ connectionString: bed.testDatabase.adminUrl });
  await late.connect();
  try {
    await late.query("begin");
    await late.query(
      `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id)
       values ($1, $2, $1, 1, $1, $1)`,
      [uuidv7(), workspaceId],
    );
    await remove(owner, workspaceId, "raced");
    assert.deepEqual(await purge(), []);
    await late.query("commit");
  } finally {
    await late.end();
  }
  assert.deepEqual(await purge(), [workspaceId]);
  assert.deepEqual(await rowsLeft(workspaceId), []);
});

test("without the entry in the log no workspace is deleted, and the api cannot do it past the function", async () => {
  const { workspaceId } = await addFullWorkspace("silent");
  const asOwner = { userId: owner.userId, workspaceIds: [workspaceId] };
  const run = (statement: ReturnType<typeof sql>) =>
    bed.database.transaction(asOwner, (tx) => tx.run(statement));
  const mark = sql`select * from erase_mark_workspace(${workspaceId}, 'silent')`;
  await assert.rejects(run(mark), /erasure without the audit entry workspace.deleted/);
  const hide = sql`update workspaces set deleted_at = now() where id = ${workspaceId}`;
  await assert.rejects(run(hide), /permission denied|row-level security/);
  await assert.rejects(
    run(sql`update workspaces set deleted_at = now()`),
    /permission denied|row-level security/,
  );
  await assert.rejects(run(sql`delete from workspaces where id = ${workspaceId}`), /permission denied/);
  await assert.rejects(run(sql`delete from workflow_versions`), /permission denied/);
  await assert.rejects(run(sql`select erase_workspace_batch(${workspaceId}, 1)`), /permission denied/);
  const bySuperuser = bed.query("delete from workflow_versions where workspace_id = $1", [workspaceId]);
  await assert.rejects(bySuperuser, /immutable/);
  assert.deepEqual(await rowsLeft(workspaceId), (await tenantTables()).toSorted());
});
