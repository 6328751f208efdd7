// The clones that persistence tests work on: migrated, apart from each other, owned by a role that is no superuser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "pg";
import { createTestDatabase } from "./database.ts";

async function query<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

test("a clone has the migrated tables and belongs to an ordinary role", async (t) => {
  const { databaseUrl } = await createTestDatabase(t);
  const [facts] = await query<{ executions: string | null; superuser: boolean; owner: string }>(
    databaseUrl,
    `select to_regclass('workflow_executions')::text as executions, rolsuper as superuser,
            (select datdba::regrole::text from pg_database where datname = current_database()) as owner
       from pg_roles where rolname = current_user`,
  );
  assert.deepEqual(facts, { executions: "workflow_executions", superuser: false, owner: "atelier" });
});

test("two clones do not see each other, and a dropped one is gone although it is in use", async (t) => {
  const [one, two] = await Promise.all([createTestDatabase(t), createTestDatabase(t)]);
  await query(one.databaseUrl, "create table only_here (n int)");
  const [found] = await query<{ table: string | null }>(
    two.databaseUrl,
    `select to_regclass('only_here') as "table"`,
  );
  assert.equal(found?.table, null);

  const idle = new Client({ connectionString: one.databaseUrl });
  idle.on("error", () => {}); // It is cut off, which is the point.
  await idle.connect();
  await one.drop();
  await assert.rejects(query(one.databaseUrl, "select 1"), { code: "3D000" });
});
