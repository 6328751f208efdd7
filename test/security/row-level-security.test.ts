// Row-level security on its own: no service in between, just statements under the run-time roles.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createDatabase, type Database, NOBODY } from "#core/persistence/database.ts";
import { type Sql, sql } from "#core/persistence/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { seedTenant, type Tenant } from "./seed-tenant.ts";

let testDatabase: TestDatabase;
let api: Database;
let owner: pg.Client;
let admin: pg.Client;
let a: Tenant;
let b: Tenant;

before(async () => {
  testDatabase = await createTestDatabase();
  api = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api", maxConnections: 2 });
  owner = new pg.Client({ connectionString: testDatabase.databaseUrl });
  admin = new pg.Client({ connectionString: testDatabase.adminUrl });
  await Promise.all([owner.connect(), admin.connect()]);
  a = await seedTenant(admin, "a");
  b = await seedTenant(admin, "b");
});

after(async () => {
  await Promise.all([api?.close(), owner?.end(), admin?.end()]);
  await testDatabase?.drop();
});

const contextOf = (tenant: Tenant) => ({ userId: tenant.userId, workspaceIds: [tenant.workspaceId] });
const asTenant = <Row>(tenant: Tenant, statement: Sql) =>
  api.transaction(contextOf(tenant), (tx) => tx.many<Row>(statement));
/** Names come from the catalogue, so they cannot be parameters. */
const text = (statement: string, values: unknown[] = []): Sql => ({ text: statement, values });

async function tenantTables(): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(`
    select c.relname as name from pg_class c join pg_attribute k on k.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and k.attname = 'workspace_id' and not k.attisdropped order by 1`);
  return rows.map((row) => row.name);
}

test("every table with a workspace_id is seeded, so that no check below passes on emptiness", async () => {
  const tables = await tenantTables();
  assert.ok(tables.length >= 15, `found only ${tables.join(", ")}`);
  for (const table of tables) {
    const { rows } = await admin.query(`select distinct workspace_id as id from ${table}`);
    const seen = rows.map((row) => row.id).filter((id) => id === a.workspaceId || id === b.workspaceId);
    assert.equal(seen.length, 2, `${table} holds rows of both tenants`);
  }
});

test("in the context of A there are rows of A and none of B, in every tenant table", async () => {
  for (const table of await tenantTables()) {
    const rows = await asTenant<{ id: string }>(a, text(`select workspace_id as id from ${table}`));
    assert.ok(rows.length > 0, `${table} shows A its own rows`);
    assert.deepEqual([...new Set(rows.map((row) => row.id))], [a.workspaceId], table);
  }
});

test("people, sessions, workspaces and the audit log of B are hidden from A", async () => {
  for (const [table, column] of [
    ["users", "id"],
    ["sessions", "user_id"],
    ["api_keys", "user_id"],
    ["workspace_members", "user_id"],
    ["workspaces", "created_by"],
    ["audit_logs", "actor_id"],
  ]) {
    const rows = await asTenant<{ id: string }>(a, text(`select ${column} as id from ${table}`));
    assert.deepEqual([...new Set(rows.map((row) => row.id))], [a.userId], table);
  }
  const tokens = text("select session_id as id from refresh_tokens");
  assert.deepEqual(await asTenant(a, tokens), [{ id: a.ids.session }]);
});

test("without a context nobody sees a row and nothing can be inserted", async () => {
  for (const table of [
    ...(await tenantTables()),
    "users",
    "sessions",
    "refresh_tokens",
    "workspaces",
    "audit_logs",
  ]) {
    const inside = await api.transaction(NOBODY, (tx) => tx.many(text(`select 1 from ${table}`)));
    assert.equal(inside.length, 0, `${table} in an empty context`);
    assert.equal(
      (await api.many(text(`select 1 from ${table}`))).length,
      0,
      `${table} outside a transaction`,
    );
  }
  const insert = insertWorkflow(a.workspaceId, a.userId);
  await assert.rejects(
    api.transaction(NOBODY, (tx) => tx.run(insert)),
    /row-level security/,
  );
  await assert.rejects(api.run(insertWorkflow(a.workspaceId, a.userId)), /row-level security/);
});

function insertWorkflow(workspaceId: string, ownerId: string): Sql {
  return sql`insert into workflows (id, workspace_id, owner_id, name)
    values (${uuidv7()}, ${workspaceId}, ${ownerId}, 'intruder')`;
}

test("A can insert into its own workspace and into no other", async () => {
  await api.transaction(contextOf(a), (tx) => tx.run(insertWorkflow(a.workspaceId, a.userId)));
  const foreign = api.transaction(contextOf(a), (tx) => tx.run(insertWorkflow(b.workspaceId, a.userId)));
  await assert.rejects(foreign, /row-level security/);
  const child = sql`insert into file_chunks (file_id, seq, workspace_id, bytes)
    values (${b.ids.file}, 99, ${a.workspaceId}, '\\x00')`;
  await assert.rejects(
    api.transaction(contextOf(a), (tx) => tx.run(child)),
    /foreign key/,
    "a chunk cannot hang on a foreign file by lying about its workspace",
  );
  const version = sql`insert into workflow_versions
    (workflow_id, version, workspace_id, content_hash, graph, created_by)
    values (${b.ids.workflow}, 99, ${a.workspaceId}, '\\x00', '{}', ${a.userId})`;
  await assert.rejects(
    api.transaction(contextOf(a), (tx) => tx.run(version)),
    /foreign key/,
  );
});

test("updates and deletes of A touch no row of B in any tenant table", async () => {
  for (const table of await tenantTables()) {
    const rights = await admin.query(
      `select has_any_column_privilege('atelier_api', '${table}', 'update') as update,
        has_table_privilege('atelier_api', '${table}', 'delete') as delete`,
    );
    const { update, delete: remove } = rights.rows[0];
    const where = `where workspace_id = '${b.workspaceId}'`;
    if (update) {
      const touched = text(`update ${table} set workspace_id = workspace_id ${where}`);
      assert.equal(await api.transaction(contextOf(a), (tx) => tx.run(touched)), 0, `update ${table}`);
    }
    if (remove) {
      const touched = text(`delete from ${table} ${where}`);
      assert.equal(await api.transaction(contextOf(a), (tx) => tx.run(touched)), 0, `delete from ${table}`);
    }
    const { rows } = await admin.query(`select count(*)::int as n from ${table} ${where}`);
    assert.ok(rows[0].n > 0, `B's rows in ${table} are still there`);
  }
});

test("a row cannot be moved into another workspace", async () => {
  for (const table of ["approvals", "credentials", "files", "invitations", "schedules", "webhooks"]) {
    const move = text(`update ${table} set workspace_id = $1`, [b.workspaceId]);
    await assert.rejects(
      api.transaction(contextOf(a), (tx) => tx.run(move)),
      /row-level security/,
      table,
    );
  }
  const running = sql`update workflow_executions set workspace_id = ${b.workspaceId} where status = 'queued'`;
  await assert.rejects(
    api.transaction(contextOf(a), (tx) => tx.run(running)),
    /row-level security/,
  );
});

test("the tables' owner sees no tenant's rows: FORCE binds it, and it does not inherit its roles' policies", async () => {
  for (const table of await tenantTables()) {
    const { rows } = await owner.query(`select count(*)::int as count from ${table}`);
    assert.equal(rows[0].count, 0, table);
  }
});

test("a version cannot be changed or removed, not even by the tables' owner or a superuser", async () => {
  const key = `where workflow_id = '${a.ids.workflow}'`;
  for (const statement of [
    `update workflow_versions set note = 'rewritten' ${key}`,
    `delete from workflow_versions ${key}`,
  ]) {
    await assert.rejects(asTenant(a, text(statement)), /permission denied/, statement);
    await assert.rejects(admin.query(statement), /immutable/, statement);
    await assert.rejects(underOwnerPolicies(statement), /immutable/, statement);
  }
  await assert.rejects(owner.query("truncate workflow_versions"), /immutable/);
});

/** The owner is under FORCE row-level security too: it must first let itself see the row. */
async function underOwnerPolicies(statement: string): Promise<void> {
  await owner.query("begin");
  try {
    await owner.query("alter table workflow_versions no force row level security");
    await owner.query(statement);
  } finally {
    await owner.query("rollback");
  }
}

test("a finished execution or step cannot be changed by any role", async () => {
  const execution = `update workflow_executions set output = '1' where id = '${a.ids.execution}'`;
  const reopened = `update workflow_executions set status = 'queued' where id = '${a.ids.execution}'`;
  const step = `update execution_steps set output = '1' where execution_id = '${a.ids.execution}'`;
  for (const statement of [execution, reopened, step]) {
    await assert.rejects(asTenant(a, text(statement)), /final/, `atelier_api: ${statement}`);
    await assert.rejects(admin.query(statement), /final/, `superuser: ${statement}`);
    for (const role of ["atelier_worker", "atelier_scheduler"] as const) {
      const database = createDatabase({ databaseUrl: testDatabase.databaseUrl, role, maxConnections: 1 });
      try {
        await assert.rejects(database.run(text(statement)), /final/, `${role}: ${statement}`);
      } finally {
        await database.close();
      }
    }
  }
});

test("one connection that serves A, fails, serves B and rolls back never mixes them up", async () => {
  const single = createDatabase({
    databaseUrl: testDatabase.databaseUrl,
    role: "atelier_api",
    maxConnections: 1,
  });
  const seen = sql`select distinct workspace_id as id, pg_backend_pid() as pid from workflows`;
  type Seen = { id: string; pid: number };
  const look = (tenant: Tenant) => single.transaction(contextOf(tenant), (tx) => tx.many<Seen>(seen));
  try {
    const first = await look(a);
    assert.deepEqual(
      first.map((row) => row.id),
      [a.workspaceId],
    );
    await assert.rejects(
      single.transaction(contextOf(a), (tx) => tx.run(sql`select 1 / 0`)),
      /division by zero/,
    );
    assert.deepEqual(await single.many(seen), [], "after an error of A nobody is known");
    const second = await look(b);
    assert.deepEqual(
      second.map((row) => row.id),
      [b.workspaceId],
    );
    await assert.rejects(
      single.transaction(contextOf(b), async (tx) => {
        await tx.run(insertWorkflow(b.workspaceId, b.userId));
        throw new Error("changed my mind");
      }),
      /changed my mind/,
    );
    assert.deepEqual(await single.many(seen), [], "after a roll-back of B nobody is known");
    const third = await look(a);
    assert.deepEqual(third, first, "the same connection, A's rows only");
    const names = sql`select name from workflows where name = 'intruder'`;
    assert.deepEqual(await single.transaction(contextOf(b), (tx) => tx.many(names)), []);
  } finally {
    await single.close();
  }
});

test("interleaved transactions of A and B on few connections see their own rows only", async () => {
  const turns = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? a : b));
  const results = await Promise.all(
    turns.map((tenant) =>
      asTenant<{ id: string }>(tenant, sql`select distinct workspace_id as id from files`),
    ),
  );
  for (const [index, rows] of results.entries()) {
    assert.deepEqual(rows, [{ id: turns[index]?.workspaceId }]);
  }
});

test("a run-time role cannot switch row-level security off", async () => {
  const escapes = ["alter table workflows disable row level security", "drop policy api_tenant on workflows"];
  for (const statement of escapes) {
    await assert.rejects(asTenant(a, text(statement)), /must be owner/, statement);
  }
  // The setting may be changed, but then a read that a policy would cut fails instead of showing more.
  const off = api.transaction(contextOf(a), async (tx) => {
    await tx.run(sql`set local row_security = off`);
    return tx.many(sql`select 1 from workflows`);
  });
  await assert.rejects(off, /row-level security/);
  const { rows } = await admin.query(`
    select rolname as name, rolsuper or rolbypassrls or rolcreaterole or rolcanlogin as rights
    from pg_roles where rolname in ('atelier_api', 'atelier_worker', 'atelier_scheduler', 'atelier_identity')`);
  assert.equal(rows.length, 4);
  assert.deepEqual(
    rows.filter((role) => role.rights),
    [],
  );
});
