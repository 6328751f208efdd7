// Commits that are aborted, lost or refused, against a real PostgreSQL: what the client says of them, and what is there.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { AppError } from "#core/domain/app-error.ts";
import type { SqlPort } from "#core/domain/node.ts";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { asAdmin } from "../../../test/support/query.ts";
import { createSqlClient } from "./sql-client.ts";

let database: TestDatabase;
let client: SqlPort;
/** Holds back commits while it has the lock that they ask for. */
let holder: pg.Client;
before(async () => {
  database = await createTestDatabase();
  holder = new pg.Client({ connectionString: database.adminUrl });
  holder.on("error", () => {});
  await holder.connect();
  client = createSqlClient({ allowPrivate: [new URL(database.databaseUrl).host], allowPlaintext: [] });
  await asAdmin(database, "create table shop (what text)");
  await asAdmin(
    database,
    `create function late() returns trigger language plpgsql security definer as $$
      begin
        perform pg_advisory_xact_lock_shared(1);
        if new.what = 'vanish' then perform pg_terminate_backend(pg_backend_pid()); end if;
        if new.what = 'unresolved' then raise exception using errcode = '40003', message = 'ambiguous'; end if;
        if new.what = 'refuse' then raise exception 'no'; end if;
        return null;
      end $$`,
  );
  await asAdmin(
    database,
    "create constraint trigger late after insert on shop deferrable initially deferred for each row execute function late()",
  );
  await asAdmin(database, "grant all on shop to atelier");
});
after(async () => {
  await holder?.end();
  await database?.drop();
});

const reason = new AppError("cancelled", "by a person");
const isCommitting = async () => {
  const { rowCount } = await holder.query(
    "select from pg_stat_activity where query = 'commit' and wait_event = 'advisory' and datname = current_database()",
  );
  return rowCount === 1;
};
const count = async (what: string) =>
  (await asAdmin(database, "select from shop where what = $1", [what])).length;

/** Inserts, aborts while that is being committed if asked to, and resolves to the output or the error. */
async function insert(what: string, isAborted: boolean): Promise<unknown> {
  const controller = new AbortController();
  const request = { url: database.databaseUrl, query: "insert into shop values ($1)", params: [what] };
  const limits = { mode: "write", maxRows: 10, timeoutMs: 10_000, signal: controller.signal } as const;
  if (isAborted) await holder.query("select pg_advisory_lock(1)");
  const end = client.run({ ...request, ...limits }).catch((error: unknown) => error);
  if (isAborted) {
    while (!(await isCommitting())) await sleep(5);
    controller.abort(reason);
    await holder.query("select pg_advisory_unlock(1)");
  }
  return await end;
}

for (const isAborted of [false, true]) {
  const when = isAborted ? "that is aborted under way" : "to its end";
  test(`a commit ${when} says what became of it: made, refused, or nobody knows`, async () => {
    assert.deepEqual(await insert("made", isAborted), { rows: [], rowCount: 1 });
    for (const [what, code, inDoubt] of [
      ["refuse", "sql_error", false],
      ["vanish", "effect_in_doubt", true],
      ["unresolved", "effect_in_doubt", true],
    ] as const) {
      const error = await insert(what, isAborted);
      assert.ok(error instanceof AppError, what);
      assert.deepEqual([what, error.code, error.inDoubt, await count(what)], [what, code, inDoubt, 0]);
    }
    assert.equal(await count("made"), isAborted ? 2 : 1);
  });
}
