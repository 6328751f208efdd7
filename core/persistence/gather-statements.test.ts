// What one turn sends goes out together; whatever fails, nothing behind it is run, and the connection goes on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { gatherStatements, type SendStatement } from "./gather-statements.ts";

const TIMEOUT_MS = 300;
let bed: TestDatabase;
let client: pg.Client;
let send: SendStatement;
let answers = 0;

before(async () => {
  bed = await createTestDatabase();
  client = new pg.Client({
    connectionString: bed.databaseUrl,
    pipeline: true,
    query_timeout: TIMEOUT_MS,
  } as pg.ClientConfig);
  client.on("error", () => {});
  await client.connect();
  // The driver's own connection, which its types do not show.
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  connection.on("readyForQuery", () => answers++);
  const types = new pg.TypeOverrides();
  types.setTypeParser(pg.types.builtins.INT8, Number);
  send = gatherStatements(client, types);
  await client.query("create temporary table noted (word text)");
});
after(async () => {
  await client?.end();
  await bed?.drop();
});

const plain = (text: string) => send({ text, values: [] });
const note = (word: unknown) =>
  send({ name: "note", text: "insert into noted values ($1) returning word", values: [word] });
const words = async () =>
  (await send({ name: "words", text: "select word from noted", values: [] })).rows.map(({ word }) => word);

test("what one turn sends has one answer, and everybody gets its own part of it", async () => {
  answers = 0;
  const [, first, count, none, , last] = await Promise.all([
    plain("begin"),
    note("a"),
    plain("select count(*) from noted"),
    plain(""),
    plain("rollback"),
    plain("select count(*)::int left from noted"),
  ]);
  assert.equal(answers, 1);
  assert.deepEqual(first?.rows, [{ word: "a" }]);
  assert.deepEqual([count?.rows, count?.rowCount], [[{ count: 1 }], 1]);
  assert.deepEqual(none?.rows, []);
  assert.deepEqual(last?.rows, [{ left: 0 }]);
});

test("behind one that fails nothing is run, the commit neither, and all hear why", async () => {
  const failing = [plain("begin"), note("lost"), plain("select 1/0 as x"), note("never"), plain("commit")];
  const ends = await Promise.allSettled(failing);
  const reasons = ends.map((end) =>
    end.status === "rejected" ? (end.reason as pg.DatabaseError).code : "done",
  );
  assert.deepEqual(reasons, ["done", "done", "22012", "22012", "22012"]);
  await plain("rollback");
  assert.deepEqual(await words(), []);
});

test("what was to be prepared behind one that fails is prepared when it comes again", async () => {
  const fresh = () => send({ name: "fresh", text: "select $1::text as said", values: ["yes"] });
  await Promise.allSettled([plain("select 1/0"), fresh()]);
  assert.deepEqual((await fresh()).rows, [{ said: "yes" }]);
  const [, again] = await Promise.all([plain("select 1"), fresh()]);
  assert.deepEqual(again?.rows, [{ said: "yes" }]);
});

test("behind values that cannot be written nothing is run, and the connection goes on", async () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const ends = await Promise.allSettled([plain("begin"), note("lost"), note(circle), plain("commit")]);
  assert.deepEqual(
    ends.map((end) => end.status),
    ["fulfilled", "fulfilled", "rejected", "rejected"],
  );
  await plain("rollback");
  assert.deepEqual(await words(), []);
});

test("the driver's time for an answer ends with the answer", async () => {
  await Promise.all([plain("select 1"), plain("select 2")]);
  await Promise.allSettled([plain("select 1/0"), plain("select 2")]);
  await delay(2 * TIMEOUT_MS);
  assert.deepEqual(await words(), []);
});

test("a connection that is cut fails all that have no answer yet", async () => {
  const asked = [
    plain("select 1"),
    plain("select pg_terminate_backend(pg_backend_pid())"),
    plain("select 3"),
  ];
  const ends = await Promise.allSettled(asked);
  assert.equal(ends[2]?.status, "rejected");
});
