// A process refuses to start on a database that is behind it, or as somebody whom policies do not bind.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { checkDatabase } from "./check-database.ts";
import { createDatabase, type Database, executorOf } from "./database.ts";

let testDatabase: TestDatabase;
let database: Database;

before(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({
    databaseUrl: testDatabase.databaseUrl,
    role: "atelier_api",
    maxConnections: 1,
  });
});
after(async () => {
  await database?.close();
  await testDatabase?.drop();
});

test("a migrated database is fine, one migration less is named", async () => {
  assert.equal(await checkDatabase(database), undefined);
  const [last] = await asAdmin<{ name: string }>(
    testDatabase,
    "delete from schema_migrations where id = (select max(id) from schema_migrations) returning name",
  );
  assert.ok(last);
  await assert.rejects(checkDatabase(database), (error: Error & { code?: string }) => {
    assert.equal(error.code, "pending_migrations");
    assert.match(error.message, new RegExp(last.name));
    return true;
  });
  await asAdmin(testDatabase, "insert into schema_migrations (name, run_on) values ($1, now())", [last.name]);
});

test("a list of migrations that cannot be read is a refusal, a missing one too", async () => {
  await asAdmin(testDatabase, "revoke select on schema_migrations from atelier_api, public");
  await assert.rejects(checkDatabase(database), { code: "pending_migrations" });
  await asAdmin(testDatabase, "grant select on schema_migrations to atelier_api");
  assert.equal(await checkDatabase(database), undefined);
  await asAdmin(testDatabase, "alter table schema_migrations rename to elsewhere");
  await assert.rejects(checkDatabase(database), { code: "pending_migrations" });
  await asAdmin(testDatabase, "alter table elsewhere rename to schema_migrations");
});

test("a superuser is refused, and so is the owner, as with ?options= in the URL that undoes the switch", async () => {
  for (const connectionString of [testDatabase.adminUrl, testDatabase.databaseUrl]) {
    const client = new Client({ connectionString });
    await client.connect();
    try {
      await assert.rejects(checkDatabase(executorOf(client)), { code: "unsafe_role" });
    } finally {
      await client.end();
    }
  }
  const databaseUrl = `${testDatabase.databaseUrl}?options=-c%20jit%3Doff`;
  const undone = createDatabase({ databaseUrl, role: "atelier_api", maxConnections: 1 });
  await assert.rejects(checkDatabase(undone), { code: "unsafe_role" });
  await undone.close();
});

test("a connection that lost its settings on the way is refused", async () => {
  const lost = new Client({ connectionString: testDatabase.databaseUrl, options: "-c role=atelier_api" });
  await lost.connect();
  try {
    await assert.rejects(checkDatabase(executorOf(lost)), {
      code: "settings_lost",
      message: /TimeZone is America\/New_York/,
    });
  } finally {
    await lost.end();
  }
});
