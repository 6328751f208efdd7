// What a hostile author, hostile data and a hostile server try.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import test, { after, before } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import type { SqlPort, SqlRequest } from "#core/domain/node.ts";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { asAdmin } from "../../../test/support/query.ts";
import type { Lookup } from "../guarded-lookup.ts";
import { type LoopbackServer, startTcp } from "../loopback-server.ts";
import { createSqlClient } from "./sql-client.ts";

let database: TestDatabase;
let client: SqlPort;
before(async () => {
  database = await createTestDatabase();
  client = createSqlClient({ allowPrivate: [new URL(database.databaseUrl).host], allowPlaintext: [] });
  await asAdmin(database, "create table vault (id int primary key, word text not null)");
  await asAdmin(database, "insert into vault values (1, 'kept')");
  await asAdmin(database, "grant all on vault to atelier");
  await asAdmin(
    database,
    "create sequence tickets owned by vault.id; grant all on sequence tickets to atelier",
  );
  await asAdmin(
    database,
    `create function sneak() returns int language plpgsql as $$
      begin insert into vault values (9, 'sneaked'); return 1; end $$`,
  );
  await asAdmin(
    database,
    "create procedure leave() language plpgsql as $$ begin commit; insert into vault values (8, 'left'); end $$",
  );
});
after(() => database?.drop());

const request = (url: string, more: Partial<SqlRequest> = {}): SqlRequest => ({
  url,
  query: "select 1 as one",
  params: [],
  mode: "read",
  maxRows: 100,
  timeoutMs: 5_000,
  signal: new AbortController().signal,
  ...more,
});
const run = (query: string, more: Partial<SqlRequest> = {}) =>
  client.run(request(database.databaseUrl, { query, ...more }));
const codeOf = (running: Promise<unknown>) =>
  running.then(
    () => "succeeded",
    (error: AppError) => error.code,
  );
const vault = () => asAdmin<{ id: number; word: string }>(database, "select id, word from vault order by id");

async function withServer(
  answer: (socket: Socket) => void,
  check: (server: LoopbackServer, url: string) => Promise<void>,
) {
  const server = await startTcp(answer);
  try {
    await check(server, `postgres://u:p@127.0.0.1:${server.port}/x`);
  } finally {
    await server.close();
  }
}

test("A40 A41 A48: private databases in every spelling, by name and by rebinding are refused, nothing connects", async () => {
  await withServer(
    () => {},
    async ({ port, connections }) => {
      let asked = 0;
      const lookup: Lookup = async (name) => {
        if (name === "mixed.test")
          return [
            { address: "3ffe::1", family: 6 },
            { address: "127.0.0.1", family: 4 },
          ];
        return [{ address: asked++ % 2 === 0 ? "127.0.0.1" : "10.1.2.3", family: 4 }];
      };
      const guarded = createSqlClient({ allowPrivate: [], allowPlaintext: [], lookup });
      const hosts = [
        ...[
          "127.0.0.1",
          "127.1",
          "0x7f.1",
          "2130706433",
          "0",
          "[::1]",
          "[::ffff:127.0.0.1]",
          "[::ffff:7f00:1]",
        ],
        ...[
          "[64:ff9b::7f00:1]",
          "[fd00:ec2::254]",
          "169.254.169.254",
          "10.0.0.1",
          "localhost",
          "db.localhost",
        ],
        ...["private.test", "private.test", "mixed.test"],
      ];
      for (const host of hosts) {
        assert.equal(
          await codeOf(guarded.run(request(`postgres://u:p@${host}:${port}/x`))),
          "egress_denied",
          host,
        );
      }
      // The platform's own database, by the address it really has.
      assert.equal(await codeOf(guarded.run(request(database.databaseUrl))), "egress_denied");
      assert.equal(connections(), 0);
    },
  );
});

test("A43 A46: no socket path, second host, file or other server hides in a URL, and no message repeats it", async () => {
  const urls = [
    "postgres:///x?host=/var/run/postgresql",
    "postgres://u:canary@/x",
    "postgres://u:canary@%2Fvar%2Frun/x",
    "postgres://u:canary@db.test/x?host=127.0.0.1",
    "postgres://u:canary@db.test/x?hostaddr=127.0.0.1",
    "postgres://u:canary@db.test/x?port=6379",
    "postgres://u:canary@db.test/x?sslkey=/etc/shadow",
    "postgres://u:canary@db.test/x?sslrootcert=/etc/shadow",
    "postgres://u:canary@db.test/x?sslmode=no-verify",
    "postgres://u:canary@db.test/x?sslmode=disable&sslmode=require",
    "postgres://u:canary@db.test/x?passfile=/etc/shadow",
    "postgres://u:can%ary@db.test/x",
    "postgres://:canary@db.test/x",
    "postgres://db.test/x",
    "mysql://u:canary@db.test/x",
    "canary",
  ];
  for (const url of urls) {
    const error = await client.run(request(url)).catch((error: AppError) => error);
    assert.ok(error instanceof AppError && error.code === "sql_bad_url", url);
    assert.doesNotMatch(
      JSON.stringify([error.message, error.details, error.cause]),
      /canary|can%|shadow/,
      url,
    );
  }
  for (const port of [25, 6379]) {
    const lookup: Lookup = async () => [{ address: "3ffe::1", family: 6 }];
    const open = createSqlClient({ allowPrivate: [], allowPlaintext: [], lookup });
    assert.equal(await codeOf(open.run(request(`postgres://u:p@db.test:${port}/x`))), "egress_denied");
  }
});

test("S50: a password in plain text leaves this host only where the operator named the other one", async () => {
  await withServer(
    (socket) => socket.once("data", (data) => socket.end(data.readInt32BE(4) === 80877103 ? "N" : "")),
    async ({ port, connections }) => {
      const lookup: Lookup = async () => [{ address: "127.0.0.1", family: 4 }];
      const allowPrivate = [`db.test:${port}`];
      const url = `postgres://u:p@db.test:${port}/x`;
      const strict = createSqlClient({ allowPrivate, allowPlaintext: [], lookup });
      for (const mode of ["disable", "allow", "prefer"]) {
        assert.equal(
          await codeOf(strict.run(request(`${url}?sslmode=${mode}`))),
          "sql_plaintext_refused",
          mode,
        );
      }
      assert.equal(connections(), 0);
      // Without sslmode TLS is asked for, and a server that says no gets nothing.
      for (const rest of ["", "?sslmode=require", "?sslmode=verify-full"]) {
        assert.equal(await codeOf(strict.run(request(url + rest))), "sql_tls_refused", rest);
      }
      const lax = createSqlClient({ allowPrivate, allowPlaintext: ["db.test"], lookup });
      assert.equal(await codeOf(lax.run(request(url))), "egress_connection_failed");
    },
  );
});

test("A54: what stands in params is a value, whatever it looks like", async () => {
  const attacks = [
    "'; drop table vault; --",
    "1 or 1=1",
    "$1",
    "\\'; delete from vault; --",
    "{1,2}",
    "kept' or 'a'='a",
  ];
  for (const attack of attacks) {
    const { rows } = await run("select id from vault where word = $1", { params: [attack] });
    assert.deepEqual(rows, [], attack);
    const any = await run("select id from vault where word = any($1)", { params: [[attack, `x","kept`]] });
    assert.deepEqual(any.rows, [], attack);
    const stored = await run("insert into vault values (2, $1) returning word", {
      params: [attack],
      mode: "write",
    });
    assert.deepEqual(stored.rows, [{ word: attack }]);
    await asAdmin(database, "delete from vault where id = 2");
  }
  assert.equal(
    await codeOf(run("select id from vault where id = $1", { params: ["1 or 1=1"] })),
    "sql_error",
  );
  assert.deepEqual(await vault(), [{ id: 1, word: "kept" }]);
});

test("several statements in one text are refused in both modes", async () => {
  for (const mode of ["read", "write"] as const) {
    for (const query of [
      "select 1; delete from vault",
      "commit; delete from vault",
      "select 1; commit; delete from vault",
    ]) {
      assert.equal(await codeOf(run(query, { mode })), "sql_error", query);
    }
  }
  assert.deepEqual(await vault(), [{ id: 1, word: "kept" }]);
});

test("mode read changes nothing, in no way an author can write it", async () => {
  const refused = [
    "delete from vault",
    "insert into vault values (2, 'x')",
    "with gone as (delete from vault returning id) select id from gone",
    "explain analyze delete from vault",
    "select sneak()",
    "select nextval('tickets')",
    "create table more (id int)",
    "truncate vault",
    "do $$ begin delete from vault; end $$",
    "call leave()",
    "select * from vault for update",
    "set transaction read write",
    "select set_config('transaction_read_only', 'off', false), sneak()",
    "do $$ begin set transaction read write; delete from vault; end $$",
    "do $$ begin commit; delete from vault; end $$",
    "copy vault from stdin",
    "copy vault to stdout",
  ];
  for (const query of refused) assert.notEqual(await codeOf(run(query)), "succeeded", query);
  assert.equal(await codeOf(run("delete from vault")), "sql_read_only");
  // These go through and come to nothing, because the transaction ends with them and nothing follows.
  for (const query of ["commit", "rollback", "begin", "commit and chain", "notify x"])
    await run(query).catch(() => {});
  assert.deepEqual(await vault(), [{ id: 1, word: "kept" }]);
  assert.equal(await codeOf(run("copy vault to stdout", { mode: "write" })), "sql_unsupported");
  assert.equal(await codeOf(run("copy vault from stdin", { mode: "write" })), "sql_unsupported");
});

test("a statement cannot lift its own time limit", async () => {
  const query = `select set_config('statement_timeout', '0', false), set_config('client_connection_check_interval', '0', false),
    'unbounded', pg_sleep(60)`;
  assert.equal(await codeOf(run(query, { timeoutMs: 1_000 })), "timeout");
  const running = () =>
    asAdmin(
      database,
      "select 1 from pg_stat_activity where query like '%''unbounded''%' and pid <> pg_backend_pid()",
    );
  for (let tries = 0; (await running()).length > 0; tries++) {
    assert.ok(tries < 100, "it runs on");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

const message = (code: string, body: Buffer, length = body.length + 4) => {
  const head = Buffer.from(`${code}\0\0\0\0`, "latin1");
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
};
const signedIn = Buffer.concat([message("R", Buffer.alloc(4)), message("Z", Buffer.from("I"))]);

test("A47: a server that floods, drips, lies about lengths or hangs up costs a bounded answer and no worker", async () => {
  const endless = (socket: Socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 0x41)));
    };
    socket.on("drain", more);
    more();
  };
  const answers: [name: string, code: string, answer: (socket: Socket) => void][] = [
    [
      "one endless message",
      "output_too_large",
      (socket) =>
        socket.once("data", () => {
          socket.write(Buffer.concat([Buffer.from("E"), Buffer.from([0x7f, 0xff, 0xff, 0xff])]));
          endless(socket);
        }),
    ],
    [
      "a length of nothing",
      "sql_bad_answer",
      (socket) => socket.once("data", () => socket.write(message("D", Buffer.alloc(0), 0))),
    ],
    [
      "rows nobody asked for",
      "sql_bad_answer",
      (socket) =>
        socket.once("data", () => {
          socket.write(signedIn);
          socket.once("data", () =>
            socket.write(
              Buffer.concat([
                message("T", Buffer.from([0x7f, 0xff])),
                message("D", Buffer.from([0x7f, 0xff])),
              ]),
            ),
          );
        }),
    ],
    ["silence", "timeout", () => {}],
    ["silence after the sign-in", "timeout", (socket) => socket.once("data", () => socket.write(signedIn))],
    ["a hang-up", "egress_connection_failed", (socket) => socket.once("data", () => socket.end())],
    [
      "HTTP",
      "sql_error",
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ],
  ];
  for (const [name, code, answer] of answers) {
    await withServer(answer, async ({ port }, url) => {
      const lone = createSqlClient({ allowPrivate: [`127.0.0.1:${port}`], allowPlaintext: [] });
      const got = await codeOf(lone.run(request(url, { timeoutMs: 1_000 })));
      assert.ok(got === code || (name === "HTTP" && got !== "succeeded"), `${name}: ${got}`);
    });
  }
});
