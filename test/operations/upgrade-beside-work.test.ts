// An upgrade of a big instance beside its work: nobody waits long for it, and what it has not found out yet misleads nobody.
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { Client } from "pg";
import { v7 as uuidv7 } from "uuid";
import { listMigrations, migrateDatabase } from "../../migrations/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createEmptyDatabase } from "./backup-commands.ts";

let near: TestDatabase;
before(async () => {
  near = await createTestDatabase();
});
after(() => near?.drop());

const IMPATIENT = { tries: 2, pauseMs: 10 };
const isBlocked = { code: "migration_blocked" };

async function createOld(t: TestContext): Promise<TestDatabase> {
  const database = await createEmptyDatabase(near, t);
  await migrateDatabase({ databaseUrl: database.databaseUrl, restoring: { upTo: "0054_backup_role" } });
  return database;
}

async function connect({ adminUrl }: TestDatabase, t: TestContext): Promise<Client> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  // Its database goes before it.
  client.on("error", () => {});
  t.after(() => client.end());
  return client;
}

async function add(database: TestDatabase, user: string, row: Record<string, unknown> = {}): Promise<string> {
  const id = uuidv7();
  const all = {
    id,
    workspace_id: uuidv7(),
    workflow_id: uuidv7(),
    version: 1,
    root_id: id,
    user_id: user,
    ...row,
  };
  const places = Object.keys(all).map((_, index) => `$${index + 1}`);
  const text = `insert into workflow_executions (${Object.keys(all).join(", ")}) values (${places.join(", ")})`;
  await asAdmin(database, text, Object.values(all));
  return id;
}

async function readApplied(database: TestDatabase): Promise<string[]> {
  const rows = await asAdmin<{ name: string }>(database, "select name from schema_migrations order by id");
  return rows.map(({ name }) => name);
}

test("a long reader stops the upgrade, the upgrade stops no other, and says in the end what is in its way", async (t) => {
  const database = await createOld(t);
  const reader = await connect(database, t);
  await reader.query("begin; select from workflow_executions limit 1");
  const told: string[] = [];
  const migrating = migrateDatabase({
    databaseUrl: database.databaseUrl,
    patience: IMPATIENT,
    tell: (line) => told.push(line),
  });
  const refused = assert.rejects(migrating, isBlocked);
  const worker = await connect(database, t);
  await worker.query("set lock_timeout = '8s'");
  const waiting = `select from pg_locks where not granted and mode = 'AccessExclusiveLock'
    and relation = 'workflow_executions'::regclass`;
  while ((await worker.query(waiting)).rowCount === 0) {}
  // Behind the lock that is asked for; as long as the reader is there, an upgrade that waits would let nobody past.
  await worker.query("select from workflow_executions limit 1");
  await refused;
  assert.match(told.join("\n"), /trying again in 0.01 s, at most 1 times/);
  assert.ok((await readApplied(database)).includes("0055_webhook_ends"), "what was applied before stays");
  await reader.query("commit");
  await migrateDatabase({ databaseUrl: database.databaseUrl, patience: IMPATIENT });
  assert.deepEqual(await readApplied(database), await listMigrations());
});

test("until the executions of before are told, what is made of them looks further; a broken off upgrade goes on", async (t) => {
  const database = await createOld(t);
  const [ada, bob, cleo] = Array.from({ length: 3 }, () => uuidv7());
  if (!ada || !bob || !cleo) return;
  const first = await add(database, ada, { status: "failed", finished_at: new Date(), error: "{}" });
  const retry = await add(database, bob, { retry_of: first });
  const parent = await add(database, ada, { status: "waiting" });
  const ended = { status: "succeeded", finished_at: new Date() };
  const child = await add(database, cleo, { ...ended, parent_id: parent });
  const names = await listMigrations();
  const upTo = names[names.indexOf("0059_people_found") - 1];
  await migrateDatabase({ databaseUrl: database.databaseUrl, restoring: { upTo } });
  const worker = await connect(database, t);
  await worker.query("begin");
  await worker.query("select from workflow_executions where id = $1 for update", [retry]);
  const lists = "select id, people_behind as people, wake from workflow_executions";
  const read = async () => {
    const rows = await asAdmin<{ id: string; people: string[] | null; wake: number }>(database, lists);
    return (id: string) => rows.find((row) => row.id === id);
  };
  const upgrade = () => migrateDatabase({ databaseUrl: database.databaseUrl, patience: IMPATIENT });
  await assert.rejects(upgrade(), isBlocked);
  await worker.query("commit");
  const late = await add(database, cleo, { retry_of: retry });
  // A row that somebody changes under the eyes of the look for it is told all the same.
  await worker.query("begin");
  await worker.query("update workflow_executions set priority = priority + 1 where id = any($1::uuid[])", [
    [retry, late],
  ]);
  const upgraded = upgrade();
  await untilWaiting(database);
  await worker.query("commit");
  await upgraded;
  const found = await read();
  assert.deepEqual(found(late)?.people, [ada, bob].toSorted());
  assert.deepEqual(found(retry)?.people, [ada]);
  assert.deepEqual([found(first)?.people, found(parent)?.people], [null, null]);
  assert.deepEqual(found(child)?.people, [ada]);
  assert.equal(found(parent)?.wake, 0, "nobody is woken by it");
  const washed = "update workflow_executions set people_behind = null where id = $1";
  await assert.rejects(asAdmin(database, washed, [child]), /a finished execution is final/);
  await worker.query("set role atelier_scheduler");
  const again = "update workflow_executions set people_behind = '{}' where id = $1";
  await assert.rejects(worker.query(again, [first]), /a finished execution is final/);
});

/** Somebody waits for a lock of another. */
async function untilWaiting(database: TestDatabase): Promise<void> {
  const waiting =
    "select 1 from pg_stat_activity where application_name = 'atelier-migrate' and wait_event_type = 'Lock'";
  while ((await asAdmin(database, waiting)).length === 0) await new Promise(setImmediate);
}

test("an index that was broken off is built anew, also when two upgrade at once", async (t) => {
  const database = await createEmptyDatabase(near, t);
  const names = await listMigrations();
  const upTo = names[names.indexOf("0059_people_found") - 1];
  await migrateDatabase({ databaseUrl: database.databaseUrl, restoring: { upTo } });
  await asAdmin(
    database,
    `create index webhook_deliveries_workspace_id_idx on webhook_deliveries (workspace_id);
     update pg_index set indisvalid = false where indexrelid = 'webhook_deliveries_workspace_id_idx'::regclass`,
  );
  // Two at once: whoever waited within a statement would be waited for by the one that builds.
  await Promise.all([migrateDatabase(database), migrateDatabase(database)]);
  const rows = await asAdmin(
    database,
    `select from pg_index where indexrelid::regclass::text in ('schedule_fires_turn_idx',
      'schedule_fires_workspace_id_idx', 'webhook_deliveries_workspace_id_idx') and indisvalid`,
  );
  assert.equal(rows.length, 3);
});
