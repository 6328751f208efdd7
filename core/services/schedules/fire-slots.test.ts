// What was read before somebody else's commit fires nothing: edits, other schedulers, and deaths in the middle.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ago, createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";
import { type Database, type Executor, NOBODY } from "../../persistence/database.ts";
import { findDue } from "../../persistence/schedules/find-due.ts";
import { createBacklogGuard } from "../executions/guard-backlogs.ts";
import { fireSlots } from "./fire-slots.ts";
import { createDuePlanner } from "./plan-due.ts";
import type { PlannedSchedule } from "./settle-slots.ts";

let bed: ScheduleBed;
let database: Database;

before(async () => {
  bed = await createScheduleBed();
  database = bed.open("atelier_scheduler");
});
after(() => bed?.close());

async function addDue(columns: Record<string, unknown> = {}) {
  const ada = await bed.addPerson();
  const id = await bed.addSchedule(ada, await bed.addWorkflow(ada), columns);
  return { ada, id, planned: await planDue(id) };
}

async function planDue(id: string): Promise<PlannedSchedule[]> {
  const due = await findDue(database, { limit: 10, range: { aheadMs: 0 } });
  const schedule = due.find((one) => one.id === id);
  if (!schedule) throw new Error("it is not due");
  return [await createDuePlanner(async () => {}).plan(schedule, schedule.now)];
}

const fireIn = (tx: Executor, planned: readonly PlannedSchedule[]) =>
  fireSlots(tx, planned, createBacklogGuard(100_000));
const fire = (planned: readonly PlannedSchedule[]) =>
  database.transaction(NOBODY, (tx) => fireIn(tx, planned));
const countOf = async (id: string) => {
  const { rowCount } = await bed.admin.query(
    "select from workflow_executions where trigger ->> 'scheduleId' = $1",
    [id],
  );
  return [(await bed.fires(id)).length, rowCount];
};

test("an edit that was committed after the look outdates it, also one that leaves the time as it is", async () => {
  const edits = {
    moved: "next_run_at = now() + interval '1 hour', revision = revision + 1",
    renamed: "cron = '1 1 1 1 *', revision = revision + 1",
    paused: "enabled = false",
    "moved by a scheduler": "next_run_at = next_run_at + interval '1 second'",
  };
  for (const [name, change] of Object.entries(edits)) {
    const { id, planned } = await addDue();
    await bed.admin.query(`update schedules set ${change} where id = $1`, [id]);
    const { started } = await fire(planned);
    assert.deepEqual([started.length, await countOf(id)], [0, [0, 0]], name);
    await bed.admin.query("delete from schedules where id = $1", [id]);
  }
});

test("one that was read twice, before and after another moved it, fires only what it is due for now", async () => {
  const { id, planned } = await addDue();
  await bed.admin.query("update schedules set next_run_at = $2 where id = $1", [id, ago(2_000)]);
  const again = await planDue(id);
  const { started } = await fire([...planned, ...again, ...(await planDue(id))]);
  assert.deepEqual(
    started.map(({ slot }) => slot),
    again[0]?.plan.fire,
  );
  assert.deepEqual(await countOf(id), [1, 1]);
});

test("what two have read fires once: while the other is at it, and after", async () => {
  const { id, planned } = await addDue();
  const during = await database.transaction(NOBODY, async (tx) => {
    const mine = await fireIn(tx, planned);
    return { mine, other: await fire(planned) };
  });
  assert.deepEqual([during.mine.started.length, during.other.started.length], [1, 0]);
  assert.equal((await fire(planned)).started.length, 0);
  assert.deepEqual(await countOf(id), [1, 1]);
});

test("a transaction that does not commit has fired nothing, and the next one does", async () => {
  const { id, planned } = await addDue();
  const died = database.transaction(NOBODY, async (tx) => {
    // All its statements, without the commit that goes out with the last.
    const { endsHere: _endsHere, ...open } = tx;
    await fireIn(open, planned);
    throw new Error("killed here");
  });
  await assert.rejects(died, /killed here/);
  assert.deepEqual(await countOf(id), [0, 0]);
  assert.equal((await fire(planned)).started.length, 1);
  assert.deepEqual(await countOf(id), [1, 1]);
});

test("a slot that somebody makes up for at the same moment fires once", async () => {
  const due = ago(5_000);
  const { ada, id, planned } = await addDue({ next_run_at: due });
  const backfill = await bed.admin.connect();
  await backfill.query("begin");
  await backfill.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome, kind)
     values (gen_random_uuid(), $1, $2, $3, 'fired', 'backfill')`,
    [id, ada.workspaceId, due],
  );
  const firing = fire(planned);
  const waits = `select from pg_stat_activity where datname = current_database() and wait_event = 'transactionid'`;
  while ((await bed.admin.query(waits)).rowCount === 0) await new Promise(setImmediate);
  await backfill.query("commit");
  backfill.release();
  assert.equal((await firing).started.length, 0);
  assert.deepEqual(await countOf(id), [1, 0]);
});

test("an owner whose right ends between the look at it and the insert: nothing of it is left", async () => {
  const { ada, id, planned } = await addDue();
  const [backlogs, gone] = [createBacklogGuard(100_000), "delete from workspace_members where user_id = $1"];
  const losing = database.transaction(NOBODY, (tx) =>
    fireSlots(tx, planned, {
      ...backlogs,
      async look(...asked) {
        const looked = await backlogs.look(...asked);
        await bed.admin.query(gone, [ada.userId]);
        return looked;
      },
    }),
  );
  await assert.rejects(losing, { code: "conflict" });
  assert.deepEqual(await countOf(id), [0, 0]);
});
