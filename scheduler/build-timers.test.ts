// The platform's timers in a scheduler of its own: a job of theirs does the work, and its figures outlive the process.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { TIMERS } from "#core/domain/timers.ts";
import { createTestDatabase, type TestDatabase } from "../test/support/database.ts";
import { findFreePort } from "../test/support/free-port.ts";
import { createPlatform, type Platform } from "../test/support/platform.ts";
import { asAdmin } from "../test/support/query.ts";

let database: TestDatabase;
let platform: Platform;
let metricsUrl: string;

before(async () => {
  database = await createTestDatabase();
  const port = await findFreePort();
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl, HEALTH_PORT: String(port) });
  metricsUrl = `http://127.0.0.1:${port}/metrics`;
});
after(async () => {
  await platform?.close();
  await database?.drop();
});

const query = <Row = Record<string, unknown>>(text: string, values: unknown[] = []) =>
  asAdmin<Row>(database, text, values);
const metrics = async () => (await fetch(metricsUrl)).text();
const figureOf = (text: string, name: string, timer: string) => {
  const found = new RegExp(`^atelier_timer_${name}\\{timer="${timer}"\\} (\\S+)$`, "m").exec(text);
  return found ? Number(found[1]) : null;
};

test("every timer is known at the first start, its job does its work, and the next process tells when", {
  timeout: 90_000,
}, async () => {
  const workspaceId = uuidv7();
  const userId = uuidv7();
  const id = uuidv7({ msecs: Date.now() - 10 * 86_400_000 });
  await query("insert into users (id, email, password_hash) values ($1, 'a@example.com', '-')", [userId]);
  await query("insert into workspaces (id, name, created_by, execution_days) values ($1, 'w', $2, 3)", [
    workspaceId,
    userId,
  ]);
  await query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status, finished_at)
     values ($1, $2, $1, 1, $3, $1, 'succeeded', now() - interval '10 days')`,
    [id, workspaceId, userId],
  );
  const first = await platform.start("scheduler");
  const known = await metrics();
  for (const timer of Object.keys(TIMERS)) assert.equal(figureOf(known, "lag_seconds", timer), 0, timer);
  assert.equal(figureOf(known, "last_success_timestamp_seconds", "expire-executions"), null, "not done yet");

  await query("insert into pgboss.job (name) values ('expire-executions')");
  for (const until = Date.now() + 60_000; ; await delay(100)) {
    const rows = await query(
      "select 1 from timer_runs where name = 'expire-executions' and last_success_at is not null",
    );
    if (rows.length > 0) break;
    assert.ok(Date.now() < until, first.log.join(""));
  }
  assert.deepEqual(await query("select id from workflow_executions"), []);
  await first.kill();

  await query("update timer_runs set failures = 3 where name = 'sweep-rows'");
  await query(
    "update timer_runs set last_success_at = now() - interval '2 days' where name = 'maintain-partitions'",
  );
  await platform.start("scheduler");
  const text = await metrics();
  const doneAt = figureOf(text, "last_success_timestamp_seconds", "expire-executions");
  assert.ok(doneAt !== null && Math.abs(doneAt - Date.now() / 1_000) < 120, text);
  assert.equal(figureOf(text, "lag_seconds", "maintain-partitions"), 0, "it is done at every start");
  assert.equal(figureOf(text, "failures_total", "sweep-rows"), 3);

  await query(
    "update timer_runs set last_success_at = now() - interval '3 hours' where name = 'tidy-memberships'",
  );
  await delay(1_100);
  const lag = figureOf(await metrics(), "lag_seconds", "tidy-memberships");
  assert.ok(lag !== null && lag > 7_000 && lag < 10_900, String(lag));
});
