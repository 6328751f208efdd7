// Every kind of row goes through a backup and comes out as it was, in a database like the one it came from.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { describeSchema } from "../../migrations/describe-schema.ts";
import { seedTenant } from "../security/seed-tenant.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { createEmptyDatabase, digestTables, KEYS, rowsIn, runBackup, runRestore } from "./backup-commands.ts";

const FORMS = [
  ["datestyle", "'SQL, DMY'"],
  ["intervalstyle", "sql_standard"],
  ["timezone", "'Asia/Kolkata'"],
  ["bytea_output", "escape"],
  ["extra_float_digits", "-15"],
];

let source: TestDatabase;

before(async () => {
  source = await createTestDatabase();
  const admin = new pg.Client({ connectionString: source.adminUrl });
  await admin.connect();
  for (const name of ["ada", "ben"]) await seedTenant(admin, name);
  await admin.query("update credentials set key_id = 'test'");
  // All that COPY could stumble over, in one text.
  await admin.query("update users set name = $1", ["tab\t line\n cr\r back\\slash \\N \\. é 漢 😀 ;"]);
  await admin.query("select ensure_partition(timestamptz '2019-05-05')");
  await admin.query(
    `insert into users (id, email, password_hash, name)
     select gen_random_uuid(), 'p' || n || '@example.com', '-', repeat(md5(n::text), n % 200)
     from generate_series(1, 20000) n`,
  );
  await admin.query("set session_replication_role = replica");
  await admin.query(
    `update workspaces set deleted_at = now(), deleted_xid = pg_current_xact_id() where name = 'ben'`,
  );
  await admin.end();
});
after(() => source?.drop());

test("all tables come back row by row, with schema, policies, triggers and counters; what must not live on does not", async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "all.backup");
  const before = await digestTables(source);
  // However the owner's sessions write dates there; where it is restored they are read by other rules.
  const owner = `alter role atelier in database ${new URL(source.databaseUrl).pathname.slice(1)}`;
  for (const [name, value] of FORMS) await asAdmin(source, `${owner} set ${name} = ${value}`);
  const taken = await runBackup({ databaseUrl: source.databaseUrl, dataDir: folder, env: KEYS }, file);
  assert.equal(taken.code, 0, taken.err);
  await asAdmin(source, `${owner} reset all`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const target = await createEmptyDatabase(source, t);
  // seedTenant's audit entries are none that anybody hashed.
  const place = { databaseUrl: target.databaseUrl, dataDir: folder, env: KEYS };
  const refused = await runRestore(place, file);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /The audit log does not verify.*entry 1.*--accept-broken-audit/s);
  const [left] = await asAdmin<{ tables: number }>(
    target,
    `select count(*)::int as tables from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`,
  );
  assert.equal(left?.tables, 0, "what a failed restore made is gone");

  const restored = await runRestore(place, file, "--accept-broken-audit");
  assert.equal(restored.code, 0, restored.err);
  assert.equal(await describeSchema(target.databaseUrl), await describeSchema(source.databaseUrl));
  const now = await digestTables(target);
  assert.deepEqual([...now.keys()], [...before.keys()]);
  const changed = [...before.keys()].filter((name) => now.get(name) !== before.get(name));
  assert.deepEqual(changed, ["audit_heads", "audit_logs", "key_canaries", "sessions", "workspaces"]);
  assert.deepEqual(
    rowsIn(taken.err),
    new Map([...before].map(([name, digest]) => [name, Number.parseInt(digest, 10)])),
  );
  for (const name of ["sessions", "workspaces"]) {
    assert.equal(now.get(name)?.split(" ")[0], before.get(name)?.split(" ")[0], name);
  }
  const [open] = await asAdmin<{ n: number }>(
    target,
    "select count(*)::int as n from sessions where ended_at is null",
  );
  assert.equal(open?.n, 0, "every session is over");
  const months = await asAdmin<{ name: string }>(
    target,
    "select relname as name from pg_class where relname = 'workflow_executions_201905'",
  );
  assert.equal(months.length, 1);
  await worksAsBefore(target);
});

async function worksAsBefore(target: TestDatabase): Promise<void> {
  await assert.rejects(asAdmin(target, "update audit_logs set action = 'x'"), /append-only/);
  await assert.rejects(
    asAdmin(target, "update workflow_executions set status = 'failed' where status = 'succeeded'"),
    /cannot change/,
  );
  const disabled = await asAdmin<{ n: number }>(
    target,
    `select count(*)::int as n from pg_trigger where tgenabled = 'D'
     or tgrelid in (select oid from pg_class where relrowsecurity and not relforcerowsecurity)`,
  );
  assert.equal(disabled[0]?.n, 0);
  const [next] = await asAdmin<{ id: string }>(
    target,
    `insert into ended_memberships (workspace_id, user_id, role, expired_at, is_emergency)
     select workspace_id, gen_random_uuid(), role, expired_at, is_emergency from ended_memberships limit 1 returning id`,
  );
  assert.equal(Number(next?.id), 3);
}
