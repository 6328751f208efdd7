// What an edit leaves behind: a schedule that goes on, and slots that are told of.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../../test/support/api.ts";
import type { Person } from "../../../test/support/client.ts";
import { createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";
import { type ScheduleCalls, scheduleCalls } from "../../../test/support/schedules.ts";
import { chain, createWorkflow } from "../../../test/support/workflows.ts";

const MINUTE = 60_000;

let bed: ScheduleBed;
let api: TestApi;
let ada: Person;
let workflowId: string;
let calls: ScheduleCalls;

before(async () => {
  bed = await createScheduleBed();
  api = await startTestApi(bed.databaseUrl);
  ada = await api.register();
  workflowId = await createWorkflow(api.request, ada, chain());
  calls = scheduleCalls(api);
});
after(async () => {
  await api?.close();
  await bed?.close();
});

/** `slots` as ms since the epoch. */
async function addFires(id: string, slots: readonly number[], outcome = "fired") {
  await bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome)
     select gen_random_uuid(), $1, $2, to_timestamp(slot / 1000.0), $4 from unnest($3::float8[]) slot`,
    [id, ada.workspaceId, slots, outcome],
  );
}

test("other times go on with the first slot that has not fired, also when the clock has stepped back over some", async () => {
  const made = await calls.create(ada, { workflowId, cron: "0 0 1 1 *" });
  const next = Math.ceil((Date.now() + 1) / MINUTE) * MINUTE;
  const fired = [0, 1, 2, 3].map((place) => next + place * MINUTE);
  await addFires(made.id, fired);
  await addFires(made.id, [next + 4 * MINUTE], "skipped");
  const retimed = await calls.patch(ada, made.id, { cron: "* * * * *" });
  assert.equal(retimed.nextRunAt, new Date(next + 4 * MINUTE).toISOString());
  const ending = { cron: "* * * * *", endAt: new Date(next + 3 * MINUTE).toISOString() };
  assert.equal((await calls.patch(ada, made.id, ending)).nextRunAt, null, "none is left in its window");
});

test("slots that were due are counted up to a thousand, so that an edit of a long backlog holds nobody up", async () => {
  const at = Math.floor(Date.now() / MINUTE) * MINUTE;
  const add = (slots: number) =>
    bed.addSchedule(ada, workflowId, {
      cron: "* * * * *",
      next_run_at: new Date(at - (slots - 1) * MINUTE),
    });
  const [countable, endless] = [await add(900), await add(1_100)];
  for (const id of [countable, endless]) await calls.patch(ada, id, { enabled: false });
  const [counted] = await bed.skips(countable);
  assert.ok(Number(counted?.slots) >= 900, String(counted?.slots));
  const [uncounted] = await bed.skips(endless);
  assert.deepEqual([uncounted?.slots, uncounted?.reason], [null, "paused"]);
  assert.ok(Number(uncounted?.last_slot) >= at, "up to now");
});

test("what waits for its turn rests while the schedule is paused, and says so; archiving gives it up", async () => {
  const doomed = await createWorkflow(api.request, ada, chain());
  const on = await calls.create(ada, { workflowId: doomed, cron: "0 0 1 1 *", overlap: "queue" });
  const paused = await calls.create(ada, { workflowId: doomed, cron: "0 0 1 1 *", overlap: "queue" });
  const slot = Math.floor(Date.now() / MINUTE) * MINUTE;
  for (const { id } of [on, paused]) await addFires(id, [slot - MINUTE, slot], "pending");
  await calls.patch(ada, paused.id, { enabled: false });
  const [waiting] = await calls.history(ada, on.id);
  assert.match(String(waiting?.explanation), /waits for its turn: it runs when the execution before it has/);
  const [resting] = await calls.history(ada, paused.id);
  assert.match(String(resting?.explanation), /rests while the schedule is paused: .* switched on again/);
  const gone = await api.request("DELETE", `/api/workflows/${doomed}`, { token: ada.token });
  assert.equal(gone.status, 204, gone.text);
  for (const { id } of [on, paused]) {
    const told = await calls.history(ada, id);
    const skipped = ["skipped", "workflow_archived"];
    assert.deepEqual(
      told.map(({ outcome, reason }) => [outcome, reason]),
      [skipped, skipped],
    );
    assert.match(String(told[0]?.explanation), /did not run because the workflow has been archived/);
  }
});
