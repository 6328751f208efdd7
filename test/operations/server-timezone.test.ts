// A server of the operator's own that lives in another time zone and writes dates its way: months are UTC's all the same.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createDatabase } from "#core/persistence/database.ts";
import { sql } from "#core/persistence/sql.ts";
import { makeMonths } from "#core/services/retention/make-months.ts";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createEmptyDatabase } from "./backup-commands.ts";

let near: TestDatabase;
before(async () => {
  near = await createTestDatabase();
});
after(() => near?.drop());

/** The months' bounds as hexadecimal ids, by their names. */
async function boundsOf(database: TestDatabase): Promise<{ name: string; low: string; high: string }[]> {
  return asAdmin(
    database,
    `select c.relname as name, bounds[1] as low, bounds[2] as high
     from pg_inherits i join pg_class c on c.oid = i.inhrelid,
       regexp_match(pg_get_expr(c.relpartbound, c.oid), '\\(''(.*)''\\) TO \\(''(.*)''\\)') bounds
     where i.inhparent = 'workflow_executions'::regclass and bounds is not null order by 1`,
  );
}

/** The first 48 bits of an id are its milliseconds. */
const instantOf = (id: string) => new Date(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16));

for (const zone of ["America/New_York", "Europe/Berlin", "Pacific/Kiritimati"]) {
  test(`${zone}: each month begins where the one before ends, at midnight of UTC, whoever makes it`, async (t) => {
    const database = await createEmptyDatabase(near, t);
    const name = new URL(database.adminUrl).pathname.slice(1);
    await asAdmin(database, `alter database ${name} set timezone = '${zone}'`);
    await asAdmin(database, `alter database ${name} set datestyle = 'German'`);
    await migrateDatabase({ databaseUrl: database.databaseUrl });
    const scheduler = createDatabase({
      databaseUrl: database.databaseUrl,
      role: "atelier_scheduler",
      maxConnections: 1,
    });
    try {
      const { made } = await makeMonths(scheduler, 24, { tries: 1 });
      assert.equal(made.length, 12);
      const row = await scheduler.one<{ at: string }>(sql`select timestamptz '2026-02-01T10:00Z' as at`);
      assert.equal(row?.at, "2026-02-01T10:00:00.000Z");
    } finally {
      await scheduler.close();
    }
    // As docs/operations.md tells an operator to.
    await asAdmin(database, "select make_month('2031-03-01')");
    const months = await boundsOf(database);
    assert.equal(months.length, 13 + 12 + 1);
    for (const { name, low, high } of months) {
      const month = `${name.slice(-6, -2)}-${name.slice(-2)}`;
      const next = new Date(`${month}-01T00:00:00Z`);
      next.setUTCMonth(next.getUTCMonth() + 1);
      assert.deepEqual([instantOf(low), instantOf(high)], [new Date(`${month}-01T00:00:00Z`), next], name);
    }
  });
}
