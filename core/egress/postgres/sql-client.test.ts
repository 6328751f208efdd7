// Statements on a real PostgreSQL: values in and out, limits, transactions, and what is left behind.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { AppError } from "#core/domain/app-error.ts";
import type { SqlPort, SqlRequest } from "#core/domain/node.ts";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { asAdmin } from "../../../test/support/query.ts";
import { createSqlClient } from "./sql-client.ts";

let database: TestDatabase;
let client: SqlPort;
before(async () => {
  database = await createTestDatabase();
  client = createSqlClient({ allowPrivate: [new URL(database.databaseUrl).host], allowPlaintext: [] });
  // As most servers are, and unlike the one that comes with the platform.
  const name = new URL(database.databaseUrl).pathname.slice(1);
  await asAdmin(database, `alter database ${name} set client_connection_check_interval = 0`);
  await asAdmin(database, "create table shop (id int primary key, name text not null)");
  await asAdmin(database, "grant all on shop to atelier");
});
after(() => database?.drop());

const run = (query: string, params: unknown[] = [], more: Partial<SqlRequest> = {}) =>
  client.run({
    url: database.databaseUrl,
    query,
    params,
    mode: "read",
    maxRows: 1_000,
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    ...more,
  });
const write = (query: string, params: unknown[] = [], more: Partial<SqlRequest> = {}) =>
  run(query, params, { mode: "write", ...more });
const fails =
  (code: string, message = /./) =>
  (error: unknown) =>
    error instanceof AppError && error.code === code && message.test(error.message);

async function sessionsWith(query: string): Promise<number> {
  const text =
    "select 1 from pg_stat_activity where query like $1 and pid <> pg_backend_pid() and state <> 'idle'";
  return (await asAdmin(database, text, [`%${query}%`])).length;
}

async function untilNone(query: string): Promise<void> {
  for (let tries = 0; (await sessionsWith(query)) > 0; tries++) {
    assert.ok(tries < 100, `the server still runs ${query}`);
    await sleep(50);
  }
}

test("every type has one JSON form, whatever the server's defaults", async () => {
  const { rows } =
    await run(`select true as yes, 7::int2 as small, 42 as whole, 9007199254740991::int8 as big,
    9007199254740993::int8 as bigger, 12345678901234567890.123456789::numeric as exact, 1.5::float8 as half,
    'NaN'::float8 as nan, '-Infinity'::float4 as low, 'x"y'::text as words, null::int as nothing,
    '{"a": [1, {"b": null}]}'::jsonb as doc, '[1,2]'::json as list, '\\x00ff10'::bytea as bytes,
    timestamptz '2026-03-01 12:00:00.123456+02' as at, timestamptz '2026-03-01 12:00+00' as plain,
    timestamp '2026-03-01 12:00:00.5' as local, date '2026-03-01' as day, time '08:30' as clock,
    interval '1 day 2 hours' as span, timestamptz 'infinity' as never, date '0044-03-15 BC' as ides,
    '00000000-0000-7000-8000-000000000000'::uuid as id, array[1,null,3] as numbers,
    array[['a','b,"}'],['NULL',null]] as words2, array[1.10]::numeric[] as exacts, array['{"a":1}'::jsonb] as docs,
    array[timestamptz '2026-03-01 12:00+00'] as times, '{}'::int[] as none, int4range(1,5) as span2,
    row(1,'x') as pair`);
  assert.deepEqual(rows, [
    {
      yes: true,
      small: 7,
      whole: 42,
      big: 9007199254740991,
      bigger: "9007199254740993",
      exact: "12345678901234567890.123456789",
      half: 1.5,
      nan: "NaN",
      low: "-Infinity",
      words: 'x"y',
      nothing: null,
      doc: { a: [1, { b: null }] },
      list: [1, 2],
      bytes: "AP8Q",
      at: "2026-03-01T10:00:00.123456Z",
      plain: "2026-03-01T12:00:00Z",
      local: "2026-03-01T12:00:00.5",
      day: "2026-03-01",
      clock: "08:30:00",
      span: "P1DT2H",
      never: "infinity",
      ides: "0044-03-15 BC",
      id: "00000000-0000-7000-8000-000000000000",
      numbers: [1, null, 3],
      words2: [
        ["a", 'b,"}'],
        ["NULL", null],
      ],
      exacts: ["1.10"],
      docs: [{ a: 1 }],
      times: ["2026-03-01T12:00:00Z"],
      none: [],
      span2: "[1,5)",
      pair: "(1,x)",
    },
  ]);
});

test("params arrive as what they are: text, numbers, null, lists and objects", async () => {
  const { rows } = await run(
    `select $1::text as text, $2::int + 1 as sum, $3::bool as yes, $4::text is null as none,
      $5::int[] as list, $6::jsonb -> 'a' as doc, $7::text[] as words, $8::int[] as grid, $9::jsonb[] as docs`,
    [
      "ü'\"\\$1;--",
      41,
      true,
      null,
      [1, null, 3],
      { a: ["x"] },
      ['a"b', "c\\d", "NULL", "", "{,}"],
      [
        [1, 2],
        [3, 4],
      ],
      [{ k: 'v"' }],
    ],
  );
  assert.deepEqual(rows, [
    {
      text: "ü'\"\\$1;--",
      sum: 42,
      yes: true,
      none: true,
      list: [1, null, 3],
      doc: ["x"],
      words: ['a"b', "c\\d", "NULL", "", "{,}"],
      grid: [
        [1, 2],
        [3, 4],
      ],
      docs: [{ k: 'v"' }],
    },
  ]);
  const wrong = await run("select $1::int", []).catch((error: AppError) => error);
  assert.ok(wrong instanceof AppError && wrong.code === "sql_error" && !wrong.retryable);
  assert.equal(wrong.details.sqlstate, "08P01");
});

test("a write is committed and counted, and one that fails in any way leaves nothing", async () => {
  assert.deepEqual(await write("insert into shop values (1, $1), (2, $2)", ["a", "b"]), {
    rows: [],
    rowCount: 2,
  });
  const changed = await write("update shop set name = name || '!' returning id, name");
  assert.deepEqual(changed, {
    rows: [
      { id: 1, name: "a!" },
      { id: 2, name: "b!" },
    ],
    rowCount: 2,
  });
  await assert.rejects(write("delete from shop returning id", [], { maxRows: 1 }), fails("too_many_rows"));
  await assert.rejects(write("delete from shop returning id, 1 as id"), fails("sql_duplicate_column"));
  await assert.rejects(write(`delete from shop returning repeat('x', 1100000)`), fails("output_too_large"));
  await assert.rejects(write(`delete from shop returning '"\\u0000"'::json`), fails("invalid_output"));
  await assert.rejects(write("insert into shop values (3, 'c'), (1, 'again')"), (error: AppError) => {
    assert.deepEqual([error.code, error.retryable], ["sql_error", false]);
    assert.deepEqual(
      { ...error.details },
      {
        sqlstate: "23505",
        detail: "Key (id)=(1) already exists.",
        schema: "public",
        table: "shop",
        constraint: "shop_pkey",
      },
    );
    return true;
  });
  assert.deepEqual((await run("select count(*) from shop")).rows, [{ count: 2 }]);
});

test("a read is rolled back: not even a notice of it goes out", async (t) => {
  const listener = new Client({ connectionString: database.databaseUrl });
  await listener.connect();
  t.after(() => listener.end());
  const heard: unknown[] = [];
  listener.on("notification", ({ payload }) => heard.push(payload));
  await listener.query("listen till");
  await run("select pg_notify('till', 'read')");
  await write("select pg_notify('till', 'written')");
  for (let tries = 0; heard.length === 0; tries++) {
    assert.ok(tries < 100, "nothing was heard");
    await sleep(50);
  }
  assert.deepEqual(heard, ["written"]);
});

test("a deferred check that fails at the commit is told as what it is", async () => {
  await asAdmin(database, "create table child (shop int references shop deferrable initially deferred)");
  await asAdmin(database, "grant all on child to atelier");
  const late = (error: AppError) => error.code === "sql_error" && error.details.sqlstate === "23503";
  await assert.rejects(write("insert into child values (99)"), late);
});

test("a session that ends while it commits leaves a doubt, and says so", async () => {
  await asAdmin(
    database,
    `create function vanish() returns trigger language plpgsql security definer as $$
      begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$`,
  );
  await asAdmin(database, "create table doubt (id int)");
  await asAdmin(database, "grant all on doubt to atelier");
  await asAdmin(
    database,
    "create constraint trigger late after insert on doubt deferrable initially deferred for each row execute function vanish()",
  );
  const unknown = (error: AppError) => error.code === "effect_in_doubt" && !error.retryable;
  await assert.rejects(write("insert into doubt values (1)"), unknown);
});

test("a million rows never arrive: the server stops behind the limit, exactly the limit is fine", async () => {
  const sources = "from generate_series(1, 1000000) as n";
  await assert.rejects(run(`select n ${sources}`, [], { maxRows: 10 }), (error: AppError) => {
    assert.match(error.message, /more than 10 rows.*limit.*maxRows/);
    return error.code === "too_many_rows" && error.details.maxRows === 10 && !error.retryable;
  });
  assert.equal((await run(`select n ${sources} limit 10`, [], { maxRows: 10 })).rows.length, 10);
  await assert.rejects(run("select repeat(repeat('x', 1000), 50000) as text"), fails("output_too_large"));
  await assert.rejects(
    run("select repeat('x', 2000) as text from generate_series(1, 1000)"),
    fails("output_too_large"),
  );
});

test("S70: a timeout ends the statement on the server, and so does an abort", async () => {
  // The worker's clock and the server's have the same time, and either may be the first.
  await assert.rejects(
    run("select 'slow-one', pg_sleep(60)", [], { timeoutMs: 300 }),
    fails("timeout", /within 300 ms|due to statement timeout/),
  );
  await untilNone("slow-one");
  const controller = new AbortController();
  const reason = new AppError("cancelled", "by a person");
  const running = write("insert into shop select 77, 'slow-two' from pg_sleep(60)", [], {
    signal: controller.signal,
  });
  running.catch(() => {});
  for (let tries = 0; (await sessionsWith("slow-two")) === 0; tries++) {
    assert.ok(tries < 200, "the statement never started");
    await sleep(20);
  }
  controller.abort(reason);
  // Nothing was committed, and that is known.
  await assert.rejects(running, { code: "cancelled", message: reason.message, inDoubt: false });
  await untilNone("slow-two");
  assert.deepEqual((await run("select id from shop where id = 77")).rows, []);
  // A statement that computes and never waits is ended as well, not only one that sleeps.
  await assert.rejects(
    run("select 'slow-three', count(*) from generate_series(1, 100000000000)", [], { timeoutMs: 300 }),
    fails("timeout"),
  );
  await untilNone("slow-three");
});

test("nothing is left open: as many sessions after many good and bad statements as before", async () => {
  const mine = database.databaseUrl.replace(/$/, "?application_name=left-open");
  for (let round = 0; round < 5; round++) {
    await run("select 1 as one", [], { url: mine });
    await run("select nonsense", [], { url: mine }).catch(() => {});
    await run("select pg_sleep(9)", [], { url: mine, timeoutMs: 50 }).catch(() => {});
  }
  const count = () =>
    asAdmin(database, "select 1 from pg_stat_activity where application_name = 'left-open'");
  for (let tries = 0; (await count()).length > 0; tries++) {
    // Less than the ten seconds after which the server itself ends one that stands in a transaction.
    assert.ok(tries < 40, "a session was left open");
    await sleep(50);
  }
});

test("wrong password, no server and an unknown database are told apart; only what may pass is tried again", async (t) => {
  // The driver would take what a URL leaves out from there.
  process.env.PGPASSWORD = new URL(database.databaseUrl).password;
  t.after(() => delete process.env.PGPASSWORD);
  const urlWith = (change: (url: URL) => void) => {
    const url = new URL(database.databaseUrl);
    change(url);
    return url.toString();
  };
  const seen = async (url: string, client2 = client) => {
    const request = { query: "select 1", params: [], mode: "read", maxRows: 1, timeoutMs: 5_000 } as const;
    const error = await client2.run({ ...request, url, signal: new AbortController().signal }).then(
      () => assert.fail("it went through"),
      (error: AppError) => error,
    );
    assert.doesNotMatch(JSON.stringify([error.message, error.details]), /wrong-canary/);
    return [error.code, error.retryable, error.details.sqlstate];
  };
  const wrong = urlWith((url) => Object.assign(url, { password: "wrong-canary" }));
  assert.deepEqual(await seen(wrong), ["sql_auth_failed", false, "28P01"]);
  const none = urlWith((url) => Object.assign(url, { password: "" }));
  assert.deepEqual(await seen(none), ["sql_auth_failed", false, undefined]);
  const elsewhere = urlWith((url) => Object.assign(url, { pathname: "/nowhere" }));
  assert.deepEqual(await seen(elsewhere), ["sql_error", false, "3D000"]);
  const closed = createSqlClient({ allowPrivate: ["127.0.0.1:1"], allowPlaintext: [] });
  assert.deepEqual(await seen("postgres://u:wrong-canary@127.0.0.1:1/x", closed), [
    "egress_connection_failed",
    true,
    undefined,
  ]);
});
