// BullMQ's connections to PostgreSQL: cut in any hands, and gone with their user.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { openQueuePool } from "./postgres-pool.ts";
import { openQueue, openWorker } from "./queue-backend.ts";

let database: TestDatabase;

before(async () => {
  database = await createTestDatabase();
});
after(() => database?.drop());

const role = "atelier_worker";
const countConnections = async () => {
  const text = `select count(*)::int as count from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`;
  return (await asAdmin<{ count: number }>(database, text))[0]?.count;
};

test("F11: a connection that is cut in hand fails its statement and nothing else", async (t) => {
  const pool = openQueuePool({ databaseUrl: database.databaseUrl, role, max: 1 });
  t.after(() => pool.end());
  const client = await pool.connect();
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  await asAdmin(database, "select pg_terminate_backend($1)", [rows[0]?.pid]);
  // Nothing is under way on it when the server says goodbye.
  await delay(200);
  await assert.rejects(client.query("select 1"));
  client.release(true);
  const next = await pool.query<{ role: string; path: string }>(
    "select current_user as role, current_setting('search_path') as path",
  );
  assert.deepEqual(next.rows, [{ role, path: "bullmq" }]);
});

test("queues and workers end their connections with themselves, also when they are closed twice", async () => {
  const before = await countConnections();
  const backend = { kind: "postgres", databaseUrl: database.databaseUrl, role } as const;
  const queue = openQueue(backend);
  const worker = openWorker(backend, null, {});
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  assert.ok(((await countConnections()) ?? 0) > (before ?? 0));
  await Promise.all([queue.close(), worker.close(true)]);
  await Promise.all([queue.close(), worker.close()]);
  while ((await countConnections()) !== before) await delay(20);
});
