// After a change of the time zone data: stored slots follow what their times say now, and nothing else is touched.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ago, createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";
import type { Database } from "../../persistence/database.ts";
import { listStored, moveStored } from "../../persistence/schedules/stored-slots.ts";
import { retimeSchedules } from "./retime-schedules.ts";

const HOUR = 3_600_000;
const FIRST_ID = "00000000-0000-0000-0000-000000000000";
const NEVER = new AbortController().signal;
/** The next new year, in a zone an hour ahead of the one by whose data the slot was stored. */
const COMING = Date.UTC(new Date().getUTCFullYear() + 1, 0) - HOUR;

let bed: ScheduleBed;
let database: Database;

before(async () => {
  bed = await createScheduleBed();
  database = bed.open("atelier_scheduler");
});
after(() => bed?.close());

test("what was stored by other data moves once, in portions, and every other schedule stays as it is", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const add = (columns: Record<string, unknown>) =>
    bed.addSchedule(ada, workflowId, { timezone: "Etc/GMT-1", ...columns });
  const stale = { next_run_at: new Date(COMING + HOUR) };
  const moving = await Promise.all(Array.from({ length: 230 }, () => add(stale)));
  const due = ago(5_000);
  const still = new Map<string, unknown>();
  for (const columns of [
    { next_run_at: new Date(COMING) },
    // Such a zone's data never changes: not even looked at.
    { next_run_at: new Date(COMING), timezone: "UTC" },
    { ...stale, timezone: "Mars/Olympus" },
    { ...stale, enabled: false },
    { ...stale, run_at: stale.next_run_at },
    { next_run_at: due },
    { next_run_at: "infinity" },
    { next_run_at: null },
  ]) {
    const id = await add(columns);
    still.set(id, (await bed.schedule(id)).next_run_at);
  }
  assert.equal(await retimeSchedules(database, { signal: NEVER }), moving.length);
  for (const id of moving) assert.equal(Number((await bed.schedule(id)).next_run_at), COMING);
  for (const [id, next] of still) assert.deepEqual((await bed.schedule(id)).next_run_at, next);
  assert.equal(await retimeSchedules(database, { signal: NEVER }), 0);
  assert.equal(await retimeSchedules(database, { signal: AbortSignal.abort() }), 0);
});

test("a slot that fired under its old time does not come again under its new one", async () => {
  const ada = await bed.addPerson();
  const hour = (new Date().getUTCHours() + 1) % 24;
  const [now, zone] = [new Date(), `Etc/GMT-${1}`];
  // Daily at the coming full hour; by the old data it was an hour earlier, and has fired.
  const slot = Math.ceil(Number(now) / HOUR) * HOUR;
  const cron = `0 ${(hour + 1) % 24} * * *`;
  const id = await bed.addSchedule(ada, await bed.addWorkflow(ada), {
    ...{ cron, timezone: zone, next_run_at: new Date(slot + 23 * HOUR) },
  });
  await bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome, fired_at)
     values (gen_random_uuid(), $1, $2, $3, 'fired', now())`,
    [id, ada.workspaceId, new Date(slot - HOUR)],
  );
  assert.equal(await retimeSchedules(database, { signal: NEVER }), 1);
  assert.equal(Number((await bed.schedule(id)).next_run_at), slot + 24 * HOUR);
});

test("what is edited or fired between the look and the move is left alone", async () => {
  const ada = await bed.addPerson();
  const stale = { timezone: "Etc/GMT-1", next_run_at: new Date(COMING + HOUR) };
  const workflowId = await bed.addWorkflow(ada);
  const to = new Date(COMING).toISOString();
  for (const change of ["revision = revision + 1", "next_run_at = now()", "enabled = false"]) {
    const id = await bed.addSchedule(ada, workflowId, stale);
    const seen = (await listStored(database, { after: FIRST_ID, limit: 1_000 })).find((one) => one.id === id);
    assert.ok(seen);
    await bed.admin.query(`update schedules set ${change} where id = $1`, [id]);
    assert.equal(await moveStored(database, seen, to), false, change);
    assert.notEqual(Number((await bed.schedule(id)).next_run_at), COMING);
  }
});
