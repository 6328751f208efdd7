// The platform's timers as the database remembers them: their successes, failures and lateness, whoever asks.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Database } from "../../persistence/database.ts";
import { listTimers } from "./list-timers.ts";
import { recordRuns, registerTimers } from "./run-timer.ts";

let bed: ExecutionBed;
let scheduler: Database;
let api: Database;
before(async () => {
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler");
  api = bed.open("atelier_api");
});
after(() => bed?.close());

const NAME = "expire-executions";
const GOING = new AbortController().signal;
const find = async (database: Database) => (await listTimers(database)).find(({ name }) => name === NAME);

test("a timer nobody has heard of is not late; one that was never done is, from the first time it should have been", async () => {
  const unknown = await find(api);
  assert.deepEqual([unknown?.lagSeconds, unknown?.lastSuccessAt, unknown?.failures], [0, null, 0]);
  await registerTimers(scheduler);
  assert.equal((await find(api))?.overdue, false);
  await bed.admin.query("update timer_runs set known_since = now() - interval '3 hours' where name = $1", [
    NAME,
  ]);
  await registerTimers(scheduler);
  const late = await find(api);
  // Hourly: the first time it should have been done is between two and three hours ago.
  assert.ok(late && late.lagSeconds >= 7_190 && late.lagSeconds <= 10_810, String(late?.lagSeconds));
  assert.equal(late.overdue, true);
});

test("a success ends the lag for everybody, a failure counts and is told, and a stop is neither", async () => {
  await bed.admin.query("update timer_runs set known_since = now() - interval '3 hours' where name = $1", [
    NAME,
  ]);
  const failing = recordRuns(scheduler, NAME, () => Promise.reject(new Error("disk full")));
  await assert.rejects(failing(GOING), /disk full/);
  await assert.rejects(failing(GOING), /disk full/);
  const failed = await find(api);
  assert.deepEqual([failed?.failures, failed?.lastError, failed?.lastSuccessAt], [2, "disk full", null]);
  assert.ok(failed && failed.lagSeconds > 0 && failed.lastFailureAt);

  await recordRuns(scheduler, NAME, async () => {})(AbortSignal.abort());
  assert.equal((await find(api))?.lastSuccessAt, null, "what the stop broke off has not been done");

  await recordRuns(scheduler, NAME, async () => {})(GOING);
  const done = await find(api);
  assert.ok(Math.abs(Date.parse(done?.lastSuccessAt ?? "") - Date.now()) < 60_000);
  assert.deepEqual([done?.lagSeconds, done?.overdue, done?.failures], [0, false, 2]);
});
