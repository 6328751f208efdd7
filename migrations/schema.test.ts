// schema.sql is what the migrations make, and migrating twice changes nothing.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { createTestDatabase } from "../test/support/database.ts";
import { describeSchema } from "./describe-schema.ts";
import { migrateDatabase } from "./migrate.ts";

test("schema.sql is the catalogue of a migrated database (else: npm run schema)", async (t) => {
  const database = await createTestDatabase(t);
  const written = await readFile(new URL("./schema.sql", import.meta.url), "utf8");
  const actual = await describeSchema(database.databaseUrl);
  assert.equal(actual, written);
  assert.match(written, /create table workflow_executions [^;]* partition by RANGE \(id\);/);
});

test("migrating again, also twice at once, changes nothing", async (t) => {
  const database = await createTestDatabase(t);
  const before = await describeSchema(database.databaseUrl);
  await Promise.all([migrateDatabase(database), migrateDatabase(database)]);
  assert.equal(await describeSchema(database.databaseUrl), before);
});
