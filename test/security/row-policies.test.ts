// S23 and S25: what the catalogue says about every verb on every table, so that nothing new slips in half guarded.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let testDatabase: TestDatabase;
let admin: pg.Client;

before(async () => {
  testDatabase = await createTestDatabase();
  admin = new pg.Client({ connectionString: testDatabase.adminUrl });
  await admin.connect();
});
after(async () => {
  await admin?.end();
  await testDatabase?.drop();
});

type Right = { table: string; role: string; verb: string; guarded: boolean };

/** Every verb that a role of ours may use on a table under row-level security, and whether a policy guards it. */
async function rights(): Promise<Right[]> {
  const { rows } = await admin.query<Right>(`
    with role as (
      select oid, rolname from pg_roles where rolname like 'atelier\\_%'
    ), verb (verb, letter) as (
      values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')
    )
    select c.relname as table, role.rolname as role, verb.verb,
      exists (
        select from pg_policy p
        where p.polrelid = c.oid and p.polpermissive and p.polcmd in (verb.letter::"char", '*')
          and (role.oid = any (p.polroles) or 0 = any (p.polroles))
          and (verb.letter = 'a' or p.polqual is not null)
          and (verb.letter not in ('a', 'w') or p.polwithcheck is not null)
      ) as guarded
    from pg_class c, role, verb
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and c.relrowsecurity
      and (has_table_privilege(role.oid, c.oid, verb.verb)
        or (verb.letter <> 'd' and has_any_column_privilege(role.oid, c.oid, verb.verb)))
    order by 1, 2, 3`);
  return rows;
}

test("S23: every verb a role may use on a tenant table has a policy with USING and WITH CHECK", async () => {
  const all = await rights();
  assert.ok(all.length > 120, `${all.length} rights were found`);
  for (const verb of ["select", "insert", "update", "delete"])
    assert.ok(all.some((right) => right.verb === verb));
  assert.deepEqual(
    all.filter((right) => !right.guarded),
    [],
  );
});

test("S23: no policy of the api on a tenant table is open to every row", async () => {
  const { rows } = await admin.query(`
    select c.relname || '.' || p.polname as name from pg_policy p join pg_class c on c.oid = p.polrelid
    where (select oid from pg_roles where rolname = 'atelier_api') = any (p.polroles)
      and (pg_get_expr(p.polqual, p.polrelid) = 'true' or pg_get_expr(p.polwithcheck, p.polrelid) = 'true')
    order by 1`);
  // Counts of attempts come before anybody is known. Timers are the platform's own. Chains are written for workspaces nobody is in yet or any more; what is written is not readable by it.
  assert.deepEqual(
    rows.map((row) => row.name),
    ["audit_heads.api_heads", "audit_logs.api_append", "rate_limits.api_count", "timer_runs.api_reads"],
  );
});

test("S25: nobody but the owner may truncate, refer to or put triggers on a table", async () => {
  const { rows } = await admin.query(`
    select c.relname, r.rolname, p.privilege from pg_class c, pg_roles r,
      unnest(array['truncate', 'references', 'trigger']) as p (privilege)
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and r.rolname like 'atelier\\_%'
      and has_table_privilege(r.oid, c.oid, p.privilege)`);
  assert.deepEqual(rows, []);
});

test("S25: views run with the reader's rights, nothing of ours is LEAKPROOF, PUBLIC has no right on a table", async () => {
  const views = await admin.query(`
    select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
      and coalesce(array_to_string(reloptions, ','), '') !~ 'security_invoker=(true|on)'`);
  assert.deepEqual(views.rows, []);
  const leaky = await admin.query(`
    select proname from pg_proc where proleakproof and pronamespace = 'public'::regnamespace`);
  assert.deepEqual(leaky.rows, []);
  const open = await admin.query(`
    select c.relname, a.privilege_type from pg_class c, aclexplode(c.relacl) a
    where c.relnamespace = 'public'::regnamespace and a.grantee = 0 and c.relname <> 'schema_migrations'`);
  assert.deepEqual(open.rows, []);
});

test("S22: no role of ours can log in, bypass policies, make roles or databases", async () => {
  const { rows } = await admin.query(`
    select rolname from pg_roles where rolname like 'atelier\\_%'
      and (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb or rolreplication)`);
  assert.deepEqual(rows, []);
  const { rows: found } = await admin.query(
    "select count(*)::int as n from pg_roles where rolname like 'atelier\\_%'",
  );
  assert.ok(found[0].n >= 5);
});
