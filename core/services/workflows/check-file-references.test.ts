import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { seedTenant, type Tenant } from "../../../test/security/seed-tenant.ts";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { createDatabase, type Database } from "../../persistence/database.ts";
import { assertFilesVisible } from "./check-file-references.ts";

let testDatabase: TestDatabase;
let database: Database;
let admin: pg.Client;
let alice: Tenant;
let bob: Tenant;

before(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({
    databaseUrl: testDatabase.databaseUrl,
    role: "atelier_api",
    maxConnections: 2,
  });
  admin = new pg.Client({ connectionString: testDatabase.adminUrl });
  await admin.connect();
  alice = await seedTenant(admin, "alice");
  bob = await seedTenant(admin, "bob");
});

after(async () => {
  await Promise.all([database?.close(), admin?.end()]);
  await testDatabase?.drop();
});

const check = (ids: string[], workspaceIds = [alice.workspaceId]) =>
  database.transaction({ userId: alice.userId, workspaceIds }, (tx) =>
    assertFilesVisible(tx, ids, alice.workspaceId),
  );

const isRefused = { name: "AppError", code: "not_found" };

test("finished files of the workspace pass; unfinished, foreign, missing and malformed ids do not", async () => {
  await assert.rejects(check([alice.ids.file]), isRefused, "unfinished");
  await admin.query("update files set completed_at = now()");
  await check([]);
  await check([alice.ids.file]);
  await check([alice.ids.file.toUpperCase(), alice.ids.file]);
  for (const id of [bob.ids.file, uuidv7(), "no uuid", ""]) {
    await assert.rejects(check([alice.ids.file, id]), isRefused, id);
  }
});

test("a file of the person's other workspace is refused: the worker could not read it", async () => {
  await assert.rejects(check([bob.ids.file], [alice.workspaceId, bob.workspaceId]), isRefused);
});
