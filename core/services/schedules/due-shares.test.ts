// One workspace has thousands of schedules due at one instant: another's slot does not wait for all of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ago, createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";

let bed: ScheduleBed;
let many: { userId: string; workspaceId: string };
const MANY = 2_500;
/** A share of them, and a transaction that is under way beside it. */
const MOST_BEFORE = 1_000;

before(async () => {
  bed = await createScheduleBed();
  many = await bed.addPerson();
  const workflowId = await bed.addWorkflow(many);
  await bed.admin.query(
    `insert into schedules (id, workspace_id, workflow_id, owner_id, cron, input, next_run_at)
     select ('0190a000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $1, $2, $3, '0 0 1 1 *', '{}', $5
     from generate_series(1, $4::int) n`,
    [many.workspaceId, workflowId, many.userId, MANY, ago(1_000)],
  );
});
after(() => bed?.close());

test("what is due of another workspace fires before more than a share of them, however many are due before it", async () => {
  const other = await bed.addPerson();
  await bed.addSchedule(other, await bed.addWorkflow(other), { next_run_at: ago(500) });
  const firer = bed.openFirer();
  await firer.until(async () => firer.fired.flatMap(({ slots }) => slots.started).length > MANY);
  const started = firer.fired.flatMap(({ slots }) => slots.started);
  const place = started.findIndex(({ workspaceId }) => workspaceId === other.workspaceId);
  assert.ok(place >= 0 && place < MOST_BEFORE, String(place));
  assert.equal(started.length, MANY + 1, "each of them once");
});
