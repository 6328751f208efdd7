// A slot that is due while the schedule's last execution has not ended: by each rule, over real PostgreSQL.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { ago, createScheduleBed, type Firer, type ScheduleBed } from "../../../test/support/schedule-bed.ts";
import { passOnCancels } from "../executions/pass-on-cancels.ts";

let bed: ScheduleBed;
let firer: Firer;
const NEVER = new AbortController().signal;

before(async () => {
  bed = await createScheduleBed();
  firer = bed.openFirer();
});
after(() => bed?.close());

/** A schedule whose last execution runs, with a slot that is due; `slots` of a cron of every minute when there are several. */
async function addRunning(overlap: string, columns: Record<string, unknown> = {}) {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const liveId = await bed.addExecution({
    ...{ workspace_id: ada.workspaceId, workflow_id: workflowId, user_id: ada.userId, status: "running" },
    ...{ lease_owner: uuidv7(), lease_until: new Date(Date.now() + 60_000) },
  });
  const id = await bed.addSchedule(ada, workflowId, { overlap, last_execution_id: liveId, ...columns });
  return { ada, id, liveId };
}

/** Five slots, a minute apart, all of them to fire. */
const fiveMissed = () => {
  const first = Math.floor(Date.now() / 60_000) * 60_000 - 5 * 60_000;
  const window = { start_at: new Date(first), end_at: new Date(first + 4 * 60_000) };
  return { ...window, next_run_at: new Date(first), cron: "* * * * *", misfire: "all" };
};

const end = (id: unknown) =>
  bed.admin.query(
    `update workflow_executions set status = 'succeeded', finished_at = now(), lease_owner = null, lease_until = null
     where id = $1`,
    [id],
  );
const outcomes = async (id: string) => (await bed.fires(id)).map(({ outcome }) => outcome);
const told = async (id: string) =>
  (await bed.skips(id)).map(({ reason, slots, execution_id }) => [reason, slots, execution_id]);

test("allow: it fires beside the one that runs, and all missed ones beside each other", async () => {
  const { id } = await addRunning("allow");
  const many = await addRunning("allow", fiveMissed());
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), ["fired"]);
  assert.deepEqual(await outcomes(many.id), Array(5).fill("fired"));
  const { last_execution_id: last } = await bed.schedule(many.id);
  assert.equal((await bed.fires(many.id)).at(-1)?.execution_id, last, "the newest is the last");
});

test("skip: it is told which execution was in the way; when that has ended the next slot fires", async () => {
  const { id, liveId } = await addRunning("skip");
  await firer.look(NEVER);
  assert.deepEqual([await outcomes(id), await told(id)], [[], [["overlap", 1, liveId]]]);
  await end(liveId);
  await bed.admin.query("update schedules set next_run_at = $2 where id = $1", [id, ago(1_000)]);
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), ["fired"]);
});

test("skip: of several at once the first fires, and the others were overtaken by it", async () => {
  const { id, liveId } = await addRunning("skip", fiveMissed());
  await end(liveId);
  await firer.look(NEVER);
  const [fire] = await bed.fires(id);
  assert.deepEqual([await outcomes(id), await told(id)], [["fired"], [["overlap", 4, fire?.execution_id]]]);
});

test("queue: slots wait and fire one at a time, in their order, each when the one before has ended", async () => {
  const { id, liveId } = await addRunning("queue", fiveMissed());
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), Array(5).fill("pending"));
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), Array(5).fill("pending"), "nothing moves while it runs");
  for (let before: unknown = liveId, place = 0; place < 5; place++) {
    await end(before);
    const others = [bed.openFirer(), bed.openFirer()];
    await Promise.all([firer, ...others].map((one) => one.look(NEVER)));
    await firer.until(async () => (await outcomes(id))[place] === "fired");
    const fires = await bed.fires(id);
    assert.deepEqual(
      fires.map(({ outcome }) => outcome),
      fires.map((_, index) => (index <= place ? "fired" : "pending")),
    );
    before = fires[place]?.execution_id;
    const { trigger } = await bed.execution(String(before));
    assert.equal(
      (trigger as { scheduledFor: string }).scheduledFor,
      new Date(Number(fires[place]?.scheduled_for)).toISOString(),
    );
  }
  const { rows } = await bed.admin.query(
    "select from workflow_executions where trigger ->> 'scheduleId' = $1",
    [id],
  );
  assert.equal(rows.length, 5);
});

test("queue: a new slot stands behind those that wait, and a thousand are the most", async () => {
  const { ada, id, liveId } = await addRunning("queue");
  await bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome)
     select gen_random_uuid(), $1, $2, now() - make_interval(hours => n), 'pending' from generate_series(1, 1000) n`,
    [id, ada.workspaceId],
  );
  await firer.look(NEVER);
  assert.deepEqual(await told(id), [["queue_full", 1, liveId]]);
  await end(liveId);
  await firer.until(async () => (await outcomes(id))[0] === "fired");
  await bed.admin.query("update schedules set next_run_at = $2 where id = $1", [id, ago(1_000)]);
  await firer.look(NEVER);
  assert.equal((await outcomes(id)).at(-1), "pending");
});

test("queue: what waits rests while the schedule is paused, unless a person asked for it", async () => {
  const { ada, id, liveId } = await addRunning("queue");
  await firer.look(NEVER);
  await bed.admin.query("update schedules set enabled = false where id = $1", [id]);
  await end(liveId);
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), ["pending"]);
  await bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome, kind, asked_by)
     values ($1, $2, $3, now() - interval '1 day', 'pending', 'backfill', $4)`,
    [uuidv7(), id, ada.workspaceId, ada.userId],
  );
  await firer.look(NEVER);
  const [asked] = await bed.fires(id);
  assert.deepEqual(await outcomes(id), ["fired", "pending"]);
  const { trigger } = await bed.execution(String(asked?.execution_id));
  const { kind, startedBy } = trigger as Record<string, unknown>;
  assert.deepEqual([kind, startedBy], ["backfill", ada.userId]);
});

test("queue: nothing that waits fires for an owner who may not run it any more", async () => {
  const { ada, id, liveId } = await addRunning("queue", fiveMissed());
  await firer.look(NEVER);
  await end(liveId);
  await bed.admin.query("update workspace_members set role = 'viewer' where user_id = $1", [ada.userId]);
  await firer.look(NEVER);
  const fires = await bed.fires(id);
  assert.deepEqual(
    fires.map(({ outcome, reason }) => [outcome, reason]),
    Array(5).fill(["skipped", "owner_may_not_run"]),
  );
});

test("cancel: the running one is asked to end, the new one fires, and both are in the audit log", async () => {
  const { ada, id, liveId } = await addRunning("cancel");
  const child = await bed.addExecution({
    ...{ workspace_id: ada.workspaceId, user_id: ada.userId, parent_id: liveId, root_id: liveId, depth: 1 },
    ...{ parent_node: "sub", parent_iteration: "" },
  });
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), ["fired"]);
  const live = await bed.execution(liveId);
  assert.deepEqual([live.status, live.cancel_requested_by], ["running", ada.userId]);
  assert.ok(live.cancel_requested_at);
  assert.equal((await bed.execution(child)).status, "cancelled", "its sub-workflow ends with it");
  const { rows } = await bed.admin.query(
    "select action, target_id, details from audit_logs where chain_id = $1 order by seq",
    [ada.workspaceId],
  );
  assert.deepEqual(
    rows.map(({ action }) => action),
    ["execution.cancel_requested", "execution.submitted"],
  );
  assert.deepEqual([rows[0].target_id, rows[0].details], [liveId, { scheduleId: id }]);
});

test("cancel: what hangs under the one before ends after the fire, and holds up nobody else's slot", async () => {
  const { ada, id, liveId } = await addRunning("cancel");
  await bed.addChildren(liveId, 3_000);
  const countEnded = async () => {
    const { rows } = await bed.admin.query(
      "select count(*)::int from workflow_executions where parent_id = $1 and status = 'cancelled'",
      [liveId],
    );
    return rows[0].count;
  };
  const other = await addRunning("allow");
  const alone = bed.openFirer();
  await alone.look(NEVER);
  assert.deepEqual([await outcomes(id), await outcomes(other.id)], [["fired"], ["fired"]]);
  assert.deepEqual([alone.failed, alone.stuck], [[], []]);
  assert.ok((await bed.execution(liveId)).cancel_requested_at);
  assert.equal(await countEnded(), 200, "of one transaction");
  const recovery = bed.open("atelier_scheduler");
  await passOnCancels(recovery, { timeMs: Number.POSITIVE_INFINITY });
  assert.equal(await countEnded(), 3_000);
  const { rows } = await bed.admin.query(
    "select target_id from audit_logs where chain_id = $1 and action = 'execution.cancel_requested'",
    [ada.workspaceId],
  );
  assert.deepEqual(rows, [{ target_id: liveId }]);
});

test("cancel: of several at once only the newest fires; what only waits is cancelled at once", async () => {
  const { id, liveId } = await addRunning("cancel", fiveMissed());
  await bed.admin.query(
    "update workflow_executions set status = 'queued', lease_owner = null, lease_until = null where id = $1",
    [liveId],
  );
  await firer.look(NEVER);
  const [fire, ...more] = await bed.fires(id);
  assert.deepEqual([more.length, fire?.outcome], [0, "fired"]);
  assert.equal(Number(fire?.scheduled_for), Number((await bed.schedule(id)).end_at));
  assert.deepEqual(await told(id), [["replaced", 4, fire?.execution_id]]);
  assert.equal((await bed.execution(liveId)).status, "cancelled");
});

test("skip and cancel hold for all slots that are due together, also for a day of them", async () => {
  const last = Math.floor(Date.now() / 60_000) * 60_000 - 2 * 60_000;
  const first = last - 1_439 * 60_000;
  const day = { cron: "* * * * *", misfire: "all", next_run_at: new Date(first), end_at: new Date(last) };
  const rules = { skip: ["overlap", first], cancel: ["replaced", last] } as const;
  for (const [overlap, [reason, slot]] of Object.entries(rules)) {
    const { id, liveId } = await addRunning(overlap, day);
    await end(liveId);
    await firer.look(NEVER);
    const fires = await bed.fires(id);
    assert.deepEqual([fires.length, Number(fires[0]?.scheduled_for)], [1, slot], overlap);
    assert.deepEqual(await told(id), [[reason, 1_439, fires[0]?.execution_id]]);
    assert.equal((await bed.schedule(id)).next_run_at, null);
  }
});

test("what has ended is in nobody's way", async () => {
  for (const overlap of ["skip", "queue", "cancel"]) {
    const { id, liveId } = await addRunning(overlap);
    await end(liveId);
    await firer.look(NEVER);
    assert.deepEqual([await outcomes(id), await told(id)], [["fired"], []], overlap);
    assert.equal((await bed.execution(liveId)).status, "succeeded");
  }
});
