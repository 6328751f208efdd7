// What the catalogue says about row-level security and about functions that run with another's rights.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

// What must happen before anybody is known, and the partitions that run-time roles may not create themselves.
// What administrators do and what erases, each owned by a role made for it (0013).
const DEFINER_FUNCTIONS = [
  "admin_change_user",
  "admin_end_emergencies",
  "admin_end_sessions",
  "admin_forget_ended",
  "admin_list_api_keys",
  "admin_list_users",
  "admin_reset_mfa",
  "admin_revoke_api_keys",
  "admin_tidy_members",
  "drop_empty_month",
  "ensure_partition",
  "erase_begin_person",
  "erase_broken_uploads",
  "erase_expired_batch",
  "erase_keeps_out",
  "erase_list_pending",
  "erase_list_workspaces",
  "erase_mark_workspace",
  "erase_member",
  "erase_month_is_empty",
  "erase_note_failure",
  "erase_requires_entry",
  "erase_respects_hold",
  "erase_step",
  "erase_workspace_batch",
  "identity_accept_invitation",
  "identity_end_session",
  "identity_find_audit_words",
  "identity_find_invitation",
  "identity_find_login",
  "identity_find_reset",
  "identity_find_webhook",
  "identity_founds_workspace",
  "identity_has_users",
  "identity_keep_owner",
  "identity_open_emergency",
  "identity_owns_workspace",
  "identity_register",
  "identity_rotate_refresh",
  "identity_use_api_key",
  "make_month",
];
const OWNERS: Readonly<Record<string, string>> = {
  admin: "atelier_admin",
  drop: "atelier",
  ensure: "atelier",
  erase: "atelier_eraser",
  identity: "atelier_identity",
  make: "atelier",
};
/** A path that does not name pg_temp searches it first. */
const SEARCH_PATH = "search_path=pg_catalog, public, pg_temp";
const FUNCTION_OWNERS = ["atelier_identity", "atelier_admin", "atelier_eraser"];
const RUNTIME_ROLES = ["atelier_api", "atelier_worker", "atelier_scheduler"];

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

test("every table with a workspace_id is under forced row-level security and has a policy", async () => {
  const { rows } = await admin.query(`
    select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as forced, c.relispartition as partition,
      (select count(*)::int from pg_policy p where p.polrelid = c.oid) as policies,
      has_table_privilege('atelier_api', c.oid, 'select') as readable
    from pg_class c join pg_attribute k on k.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and k.attname = 'workspace_id' and not k.attisdropped`);
  assert.ok(rows.length > 40, `${rows.length} tables and partitions`);
  assert.deepEqual(
    rows.filter((row) => !row.forced).map((row) => row.name),
    [],
  );
  // A partition has no policy of its own, which hides it; it is reached through its parent.
  const bare = rows.filter((row) => (row.partition ? row.readable : row.policies === 0));
  assert.deepEqual(
    bare.map((row) => row.name),
    [],
  );
});

test("a new month's partitions are born under forced row-level security", async () => {
  await admin.query("select ensure_partition(timestamptz '2019-05-05')");
  const { rows } = await admin.query(`
    select relname as name, relrowsecurity and relforcerowsecurity as forced from pg_class
    where relname in ('workflow_executions_201905', 'execution_steps_201905') order by 1`);
  assert.deepEqual(rows, [
    { name: "execution_steps_201905", forced: true },
    { name: "workflow_executions_201905", forced: true },
  ]);
});

test("what run-time roles can read is under row-level security, but for a short list", async () => {
  const { rows } = await admin.query(
    `select distinct c.relname as name from pg_class c, unnest($1::text[]) role
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
       and has_table_privilege(role, c.oid, 'select') and not (c.relrowsecurity and c.relforcerowsecurity)
     order by 1`,
    [RUNTIME_ROLES],
  );
  assert.deepEqual(
    rows.map((row) => row.name),
    ["key_canaries", "schema_migrations", "workers"],
  );
});

test("only the allow-list runs with its owner's rights, each with a fixed search path", async () => {
  const { rows } = await admin.query(`
    select p.proname as name, p.proconfig as config, r.rolname as owner, r.rolsuper as super
    from pg_proc p join pg_roles r on r.oid = p.proowner
    where p.prosecdef and p.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    order by 1`);
  assert.deepEqual(
    rows.map((row) => row.name),
    DEFINER_FUNCTIONS,
  );
  for (const { name, config, owner, super: isSuper } of rows) {
    assert.deepEqual(
      config.filter((setting: string) => setting !== "TimeZone=UTC"),
      [SEARCH_PATH],
      name,
    );
    assert.equal(owner, OWNERS[name.split("_")[0]], name);
    assert.equal(isSuper, false, name);
  }
});

test("no function that fixes its search path lets temporary tables come before the schema's", async () => {
  const { rows } = await admin.query(`
    select p.proname as name, setting from pg_proc p, unnest(p.proconfig) setting
    where p.pronamespace = 'public'::regnamespace and setting like 'search_path=%'`);
  assert.ok(rows.length > DEFINER_FUNCTIONS.length, `${rows.length} functions`);
  const unsafe = rows.filter(({ setting }) => setting !== SEARCH_PATH).map(({ name }) => name);
  assert.deepEqual(unsafe, []);
});

test("nobody else may call the allow-list, and no run-time role may make objects in public", async () => {
  const { rows } = await admin.query(
    `select p.proname as name, coalesce(array_to_string(p.proacl, ','), '') as acl
     from pg_proc p where p.proname = any ($1::text[])`,
    [DEFINER_FUNCTIONS],
  );
  assert.equal(rows.length, DEFINER_FUNCTIONS.length);
  // An entry without a grantee is PUBLIC; no list at all means PUBLIC may execute.
  for (const { name, acl } of rows) assert.match(acl, /^(?!.*(^|,)=X).+$/, name);
  for (const role of [...RUNTIME_ROLES, ...FUNCTION_OWNERS]) {
    const made = await admin.query("select has_schema_privilege($1, 'public', 'create') as may", [role]);
    assert.equal(made.rows[0].may, false, role);
  }
});

test("no run-time role owns a table or belongs to the owner", async () => {
  const owned = await admin.query(
    "select tablename from pg_tables where schemaname = 'public' and tableowner <> 'atelier'",
  );
  assert.deepEqual(owned.rows, []);
  for (const role of [...RUNTIME_ROLES, ...FUNCTION_OWNERS]) {
    const { rows } = await admin.query("select pg_has_role($1, 'atelier', 'member') as member", [role]);
    assert.equal(rows[0].member, false, role);
  }
});

test("every tenant table is purged with its workspace, and the eraser may", async () => {
  const { rows } = await admin.query(`
    select c.relname as name, has_table_privilege('atelier_eraser', c.oid, 'select, delete') as may,
      exists (select from pg_policy p where p.polrelid = c.oid
        and 'atelier_eraser'::regrole = any (p.polroles)) as sees
    from pg_class c join pg_attribute k on k.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and k.attname = 'workspace_id' and not k.attisdropped order by 1`);
  const list = await admin.query("select unnest(erase_tables()) as name");
  const purged = [...list.rows.map((row) => row.name), "workflow_executions", "execution_steps"];
  assert.deepEqual(rows.map((row) => row.name).toSorted(), purged.toSorted());
  assert.deepEqual(
    rows.filter((row) => !row.may || !row.sees),
    [],
  );
});

test("whoever takes backups reads every table and its counters, changes none, and is nobody else", async () => {
  const { rows } = await admin.query(`
    select c.relname as name, has_table_privilege('atelier_backup', c.oid, 'select') as reads,
      c.relkind <> 'S' and has_table_privilege('atelier_backup', c.oid, 'insert, update, delete, truncate') as changes,
      not c.relrowsecurity or exists (select from pg_policy p where p.polrelid = c.oid and p.polcmd = 'r'
        and p.polroles = array['atelier_backup'::regrole::oid] and pg_get_expr(p.polqual, p.polrelid) = 'true') as sees
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and not c.relispartition
      and (c.relkind in ('r', 'p') or c.relkind = 'S') and c.relname not like 'schema\\_migrations\\_%'
    order by 1`);
  assert.ok(rows.length > 30, `${rows.length} tables`);
  assert.deepEqual(
    rows.filter((row) => !row.reads || row.changes || !row.sees),
    [],
  );
  for (const role of [...RUNTIME_ROLES, ...FUNCTION_OWNERS]) {
    const { rows: members } = await admin.query(
      "select pg_has_role($1, 'atelier_backup', 'member') as member",
      [role],
    );
    assert.equal(members[0].member, false, role);
  }
});
