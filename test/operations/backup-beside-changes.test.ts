// A backup beside whatever rewrites, drops or makes tables: each table is copied as the snapshot has it, or nothing is.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type { Client } from "pg";
import { describeSource } from "#core/persistence/backup/describe-source.ts";
import { beginSnapshot, endSnapshot, readTable } from "#core/persistence/backup/read-snapshot.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { takeBackup } from "#core/services/backup/take-backup.ts";
import { makeMonths } from "#core/services/retention/make-months.ts";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { connectOwner } from "../../scripts/installation/owner-client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { createEmptyDatabase } from "./backup-commands.ts";

let near: TestDatabase;
before(async () => {
  near = await createTestDatabase();
});
after(() => near?.drop());

const IMPATIENT = { tries: 2, pauseMs: 10 };

async function connect(url: string, t: TestContext, name = "test"): Promise<Client> {
  const client = await connectOwner(url, name);
  t.after(() => client.end());
  return client;
}

async function countInSnapshot(client: Client, table: string): Promise<number> {
  const { tables } = await describeSource(client);
  const found = tables.find(({ name }) => name === table);
  assert.ok(found);
  let rows = 0;
  for await (const chunk of readTable(client, found)) rows += chunk.toString("latin1").split("\n").length - 1;
  return rows;
}

test("a migration that rewrites a table waits for the backup, whose copy has every row", async (t) => {
  const database = await createEmptyDatabase(near, t);
  await migrateDatabase({ databaseUrl: database.databaseUrl, restoring: { upTo: "0054_backup_role" } });
  await asAdmin(
    database,
    `set session_replication_role = replica;
     insert into schedules (id, workspace_id, workflow_id, owner_id, cron)
     select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '0 3 * * *'
     from generate_series(1, 7)`,
  );
  const client = await connect(database.databaseUrl, t);
  await beginSnapshot(client);
  // 0057 gives schedules a generated column: to older snapshots the new table is an empty one.
  const restoring = { upTo: "0057_firing" };
  const migrating = migrateDatabase({ databaseUrl: database.databaseUrl, patience: IMPATIENT, restoring });
  const refusal = await migrating.then(
    () => null,
    (error: unknown) => error,
  );
  assert.equal(await countInSnapshot(client, "schedules"), 7);
  assert.equal((refusal as { code?: string } | null)?.code, "migration_blocked");
  await endSnapshot(client);
  await migrateDatabase({ databaseUrl: database.databaseUrl, patience: IMPATIENT });
});

test("a month that is emptied while the backup stands is still copied, and nobody waits behind a new one", async (t) => {
  const database = await createTestDatabase(t);
  await asAdmin(database, "select ensure_partition('2019-05-05')");
  await asAdmin(
    database,
    `set session_replication_role = replica;
     insert into workflow_executions (id, workspace_id, workflow_id, version, root_id, user_id)
     select id, id, id, 1, id, id from (select uuid_floor('2019-05-05') id) x`,
  );
  const client = await connect(database.databaseUrl, t);
  await beginSnapshot(client);
  await asAdmin(database, "set session_replication_role = replica; delete from workflow_executions");
  const [dropped] = await asAdmin<{ verdict: string }>(
    database,
    "select drop_empty_month('2019-05-05') as verdict",
  );
  assert.equal(await countInSnapshot(client, "workflow_executions"), 1);
  assert.equal(dropped?.verdict, "busy");
  const scheduler = createDatabase({ databaseUrl: database.databaseUrl, role: "atelier_scheduler" });
  t.after(() => scheduler.close());
  let isOver = false;
  const making = makeMonths(scheduler, 20, { tries: 2, pauseMs: 10 }).finally(() => (isOver = true));
  const worker = await connect(database.databaseUrl, t);
  await worker.query("set lock_timeout = '5s'");
  while (!isOver) await worker.query("select from workflow_executions limit 1");
  const { made, busy } = await making;
  assert.deepEqual([made, typeof busy], [[], "string"]);
  await endSnapshot(client);
  assert.equal((await makeMonths(scheduler, 20)).made[0], busy);
});

test("while a migration holds a table there is no backup, but a word about who holds it; then there is one", async (t) => {
  const database = await createTestDatabase(t);
  const holder = await connect(database.databaseUrl, t, "atelier-migrate");
  await holder.query("begin; lock table schedules in access exclusive mode");
  const folder = temporaryFolder(t);
  const told: string[] = [];
  const take = async (name: string, tell: (line: string) => void, patience = IMPATIENT) =>
    takeBackup({
      client: await connect(database.databaseUrl, t),
      file: path.join(folder, name),
      version: "0",
      secrets: null,
      locks: { patience, tell },
    });
  await assert.rejects(
    take("none", (line) => told.push(line)),
    {
      code: "backup_blocked",
      message: /A migration is under way.*\(atelier-migrate, process \d+\): 2 times over.*take it again when/,
    },
  );
  assert.match(told.join("\n"), /^A migration or another.*trying again in 0.01 s, at most 1 times$/);
  assert.equal(existsSync(path.join(folder, "none")), false);
  const taken = await take("one", () => void holder.query("rollback"), { tries: 100, pauseMs: 20 });
  assert.ok(taken.tables > 20);
});

test("tables that come and go between the list and the locks are seen: it begins again", async (t) => {
  const database = await createTestDatabase(t);
  await asAdmin(database, "create table earlier (id int); grant select on earlier to atelier_backup");
  const client = await connect(database.databaseUrl, t);
  const changes = [
    "drop table earlier",
    "create table later (id int); insert into later values (4711); grant select on later to atelier_backup",
  ];
  changeAtBegin(client, database, changes);
  await beginSnapshot(client, { patience: { tries: 3, pauseMs: 1 } });
  const { tables } = await describeSource(client);
  const names = tables.map(({ name }) => name);
  assert.deepEqual([names.includes("earlier"), names.includes("later")], [false, true]);
  const locked = await asAdmin<{ mode: string }>(
    database,
    "select mode from pg_locks where relation = 'later'::regclass and granted",
  );
  assert.deepEqual(locked, [{ mode: "AccessShareLock" }]);
  await endSnapshot(client);
});

test("a restore that begins, or ends, while the backup looks makes it no backup of half a database", async (t) => {
  const database = await createTestDatabase(t);
  const client = await connect(database.databaseUrl, t);
  changeAtBegin(client, database, ["create table half_restored (backup_id uuid)"]);
  await assert.rejects(beginSnapshot(client), { code: "half_restored" });
});

/** Before the first transaction the first change, and so on: between what is asked before it and what in it. */
function changeAtBegin(client: Client, database: TestDatabase, changes: string[]): void {
  const ask = client.query.bind(client) as (...args: unknown[]) => unknown;
  Object.assign(client, {
    async query(...args: unknown[]) {
      const isBegin = typeof args[0] === "string" && args[0].startsWith("begin");
      const change = isBegin ? changes.shift() : undefined;
      if (change) await asAdmin(database, change);
      return ask(...args);
    },
  });
}
