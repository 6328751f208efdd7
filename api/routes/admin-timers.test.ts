// The platform's timers over HTTP: all of them, before and after a scheduler has done something; for administrators only.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TIMERS } from "#core/domain/timers.ts";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";

let testDatabase: TestDatabase;
let api: TestApi;

before(async () => {
  testDatabase = await createTestDatabase();
  api = await startTestApi(testDatabase.databaseUrl);
});
after(async () => {
  await api?.close();
  await testDatabase?.drop();
});

type Timer = Record<string, unknown> & { name: string };

test("an administrator sees which timers there are, what failed, and what is late", async () => {
  const root = await api.register();
  const other = await api.register();
  const list = async () =>
    (await api.request<{ items: Timer[] }>("GET", "/api/admin/timers", { token: root.token })).body.items;
  assert.equal((await api.request("GET", "/api/admin/timers", { token: other.token })).status, 403);
  assert.equal((await api.request("GET", "/api/admin/timers")).status, 401);

  const fresh = await list();
  assert.deepEqual(Object.fromEntries(fresh.map(({ name, cron }) => [name, cron])), TIMERS);
  assert.ok(fresh.every(({ overdue, lastSuccessAt }) => overdue === false && lastSuccessAt === null));

  await asAdmin(
    testDatabase,
    `insert into timer_runs (name, known_since, last_success_at, last_failure_at, last_error, failures)
     values ('sweep-rows', '2026-01-01', now() - interval '3 hours', now(), 'disk full', 2),
       ('drop-months', '2026-01-01', now() - interval '1 minute', null, null, 0)`,
  );
  const timers = await list();
  const late = timers.find(({ name }) => name === "sweep-rows");
  assert.deepEqual([late?.overdue, late?.lastError, late?.failures], [true, "disk full", 2]);
  assert.ok(Number(late?.lagSeconds) > 7_000 && Number(late?.lagSeconds) < 10_900);
  assert.ok(Date.parse(String(late?.nextAt)) > Date.now() - 5_000);
  const good = timers.find(({ name }) => name === "drop-months");
  assert.deepEqual([good?.overdue, typeof good?.lastSuccessAt], [false, "string"]);
});
