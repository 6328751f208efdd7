// One workspace has thousands of schedules due at one instant: another's slot does not wait for all of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ago, createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";

let bed: ScheduleBed;
const MANY = 2_500;
/** A share of them, and a transaction that is under way beside it. */
const MOST_BEFORE = 1_000;
const MOST_BIG_BEFORE = 10;

before(async () => {
  bed = await createScheduleBed();
});
after(() => bed?.close());

/** Due at one instant; the first `big` with an input of 1.9 MB. Returns the place of another's slot, due after them. */
async function placeBehind(big: number): Promise<number> {
  const many = await bed.addPerson();
  const workflowId = await bed.addWorkflow(many);
  await bed.admin.query(
    `insert into schedules (id, workspace_id, workflow_id, owner_id, cron, input, next_run_at)
     select ('0190a000-0000-7000-8' || lpad($6::int::text, 3, '0') || '-' || lpad(to_hex(n), 12, '0'))::uuid, $1, $2, $3, '0 0 1 1 *',
       case when n <= $6::int then jsonb_build_object('text', repeat('x', 1900000)) else '{}' end, $5
     from generate_series(1, $4::int) n`,
    [many.workspaceId, workflowId, many.userId, MANY, ago(1_000), big],
  );
  const other = await bed.addPerson();
  await bed.addSchedule(other, await bed.addWorkflow(other), { next_run_at: ago(500) });
  const firer = bed.openFirer();
  await firer.until(async () => firer.fired.flatMap(({ slots }) => slots.started).length > MANY);
  const started = firer.fired.flatMap(({ slots }) => slots.started);
  assert.equal(started.length, MANY + 1, "each of them once");
  return started.findIndex(({ workspaceId }) => workspaceId === other.workspaceId);
}

test("what is due of another workspace fires before more than a share of them, however many are due before it", async () => {
  const place = await placeBehind(0);
  assert.ok(place >= 0 && place < MOST_BEFORE, String(place));
});

test("big inputs spend the share sooner", async () => {
  const place = await placeBehind(20);
  assert.ok(place >= 0 && place < MOST_BIG_BEFORE, String(place));
});
