// A09: what one api process takes from a person, the other takes too, though both remember people for an hour.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createDatabase, type Database, NOBODY } from "#core/persistence/database.ts";
import { announceIdentityChange } from "#core/persistence/identity/identity-changes.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";

const HOUR_MS = 3_600_000;

let testDatabase: TestDatabase;
let database: Database;
let first: TestApi;
let second: TestApi;

before(async () => {
  testDatabase = await createTestDatabase();
  const { databaseUrl } = testDatabase;
  database = createDatabase({ databaseUrl, role: "atelier_api", maxConnections: 1 });
  first = await startTestApi(databaseUrl, { actorCacheMs: HOUR_MS });
  second = await startTestApi(databaseUrl, { actorCacheMs: HOUR_MS });
});
after(async () => {
  await Promise.all([first?.close(), second?.close(), database?.close()]);
  await testDatabase?.drop();
});

const meAt = ({ request }: TestApi, { token }: Person) => request("GET", "/auth/me", { token });

/** The announcement needs a moment to arrive; without it the answer would stay for an hour. */
async function untilStatus(api: TestApi, person: Person, status: number): Promise<void> {
  while ((await meAt(api, person)).status !== status) await delay(20);
}

test("A09: a token of a session ended at one process is dead at the other", { timeout: 20_000 }, async () => {
  const ada = await first.register();
  assert.equal((await meAt(second, ada)).status, 200);
  assert.equal((await first.request("POST", "/auth/logout", { token: ada.token })).status, 204);
  assert.equal((await meAt(first, ada)).status, 401);
  await untilStatus(second, ada, 401);
});

test("A09: a person disabled under an announcement is out at every process, others stay in", {
  timeout: 20_000,
}, async () => {
  const [eve, bob] = [await first.register(), await first.register()];
  for (const api of [first, second]) assert.equal((await meAt(api, eve)).status, 200);
  await asAdmin(testDatabase, "update users set disabled_at = now() where id = $1", [eve.userId]);
  assert.equal((await meAt(second, eve)).status, 200, "not looked up again, so the cache is what is tested");
  await database.transaction(NOBODY, (tx) => announceIdentityChange(tx, [eve.userId]));
  for (const api of [first, second]) await untilStatus(api, eve, 401);
  assert.equal((await meAt(second, bob)).status, 200);
});

test("A09: a process that could not listen forgets everybody", { timeout: 20_000 }, async () => {
  const eve = await first.register();
  assert.equal((await meAt(second, eve)).status, 200);
  await asAdmin(testDatabase, "update users set disabled_at = now() where id = $1", [eve.userId]);
  assert.equal((await meAt(second, eve)).status, 200);
  await asAdmin(
    testDatabase,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'atelier_api-signals'`,
  );
  await untilStatus(second, eve, 401);
});
