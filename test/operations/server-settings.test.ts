// A server of the operator's own, set otherwise than ours: months are UTC's all the same, and what cannot be is refused.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Client } from "pg";
import { checkDatabase } from "#core/persistence/check-database.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { sql } from "#core/persistence/sql.ts";
import { openQueuePool } from "#core/queue/postgres-pool.ts";
import { makeMonths } from "#core/services/retention/make-months.ts";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { listChains } from "../../scripts/audit-verify/list-chains.ts";
import { connectOwner } from "../../scripts/installation/owner-client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createEmptyDatabase } from "./backup-commands.ts";

let near: TestDatabase;
before(async () => {
  near = await createTestDatabase();
});
after(() => near?.drop());

/** With a schema of the owner's name before the usual one. */
const THEIRS = {
  datestyle: "'German'",
  default_transaction_isolation: "'repeatable read'",
  standard_conforming_strings: "off",
  search_path: '"$user", elsewhere, public',
  statement_timeout: "'20ms'",
};

const OURS = {
  TimeZone: "UTC",
  DateStyle: "ISO, MDY",
  default_transaction_isolation: "read committed",
  standard_conforming_strings: "on",
  search_path: "public",
};

async function settingsOf(client: Pick<Client, "query">): Promise<Record<string, string>> {
  const { rows } = await client.query(
    "select name, current_setting(name) as value from unnest($1::text[]) name",
    [[...Object.keys(OURS), "statement_timeout"]],
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

/** The months' bounds as hexadecimal ids, by their names. */
async function boundsOf(database: TestDatabase): Promise<{ name: string; low: string; high: string }[]> {
  return asAdmin(
    database,
    `select c.relname as name, bounds[1] as low, bounds[2] as high
     from pg_inherits i join pg_class c on c.oid = i.inhrelid,
       regexp_match(pg_get_expr(c.relpartbound, c.oid), '[(]''(.*)''[)] TO [(]''(.*)''[)]') bounds
     where i.inhparent = 'public.workflow_executions'::regclass and bounds is not null order by 1`,
  );
}

/** The first 48 bits of an id are its milliseconds. */
const instantOf = (id: string) => new Date(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16));

for (const zone of ["America/New_York", "Europe/Berlin", "Pacific/Kiritimati"]) {
  test(`${zone}: each month begins where the one before ends, at midnight of UTC, whoever makes it`, async (t) => {
    const database = await createEmptyDatabase(near, t);
    const name = new URL(database.adminUrl).pathname.slice(1);
    await asAdmin(near, `alter database ${name} set timezone = '${zone}'`);
    await asAdmin(database, "create schema atelier authorization atelier");
    for (const [setting, value] of Object.entries(THEIRS))
      await asAdmin(near, `alter database ${name} set ${setting} = ${value}`);
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
      assert.equal(await checkDatabase(scheduler), undefined);
      const own = await scheduler.connect("own");
      const owner = await connectOwner(database.databaseUrl, "test");
      const queue = openQueuePool({ databaseUrl: database.databaseUrl, role: "atelier_scheduler", max: 1 });
      assert.deepEqual(await settingsOf(own), { ...OURS, statement_timeout: "0" });
      assert.deepEqual(await settingsOf(owner), { ...OURS, statement_timeout: "0" });
      assert.deepEqual(await settingsOf(queue), { ...OURS, search_path: "bullmq", statement_timeout: "30s" });
      await Promise.all([own.end(), owner.end(), queue.end()]);
      assert.deepEqual(await listChains(database.databaseUrl), []);
    } finally {
      await scheduler.close();
    }
    // As docs/operations.md tells an operator to.
    await asAdmin(near, `alter database ${name} reset statement_timeout`);
    await asAdmin(database, "select public.make_month('2031-03-15')");
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

test("a database that cannot hold every name, or does not know its capitals, is refused before anything is made", async (t) => {
  for (const [encoding, locale] of [
    ["LATIN1", "C"],
    ["SQL_ASCII", "C"],
    ["UTF8", "C"],
    ["WIN1251", "C"],
  ] as const) {
    const database = await createEmptyDatabase(
      near,
      t,
      `template template0 encoding '${encoding}' locale '${locale}' locale_provider libc`,
    );
    await assert.rejects(migrateDatabase({ databaseUrl: database.databaseUrl }), {
      code: "unsuitable_database",
    });
    const made = await asAdmin(database, "select from pg_class where relnamespace = 'public'::regnamespace");
    assert.equal(made.length, 0, encoding);
  }
});
