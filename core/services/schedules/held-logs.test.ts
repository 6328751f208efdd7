// Somebody holds the head of one workspace's log: all others fire in the same round, and it is waited for once.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ago, createScheduleBed, type Firer, type ScheduleBed } from "../../../test/support/schedule-bed.ts";

let bed: ScheduleBed;
let log: string;
const held: string[] = [];
const others: string[] = [];
const QUIET = new AbortController().signal;
const HOUR = 3_600_000;
const WORKSPACES = 60;
const EACH = 4;
/** Of two transactions at the same time: with others that were held for a moment, and alone. */
const WAITS = 4;

before(async () => {
  bed = await createScheduleBed();
  for (let place = 0; place <= WORKSPACES; place++) {
    const ada = await bed.addPerson();
    const workflowId = await bed.addWorkflow(ada);
    const isHeld = place === WORKSPACES / 2;
    if (isHeld) log = ada.workspaceId;
    for (let n = 0; n < EACH; n++)
      (isHeld ? held : others).push(await bed.addSchedule(ada, workflowId, { misfire: "all" }));
  }
  // From now on each workspace has a head.
  await bed.openFirer().look();
});
beforeEach(async () => {
  await bed.admin.query("delete from schedule_fires");
});
after(() => bed?.close());

const countFired = async (ids: readonly string[]): Promise<number> => {
  const { rows } = await bed.admin.query(
    "select count(*)::int from schedule_fires where schedule_id = any($1) and outcome = 'fired'",
    [ids],
  );
  return rows[0].count;
};

const makeDue = (ms: number) => bed.admin.query("update schedules set next_run_at = $1", [ago(ms)]);
const makeWait = () =>
  bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome)
     select gen_random_uuid(), id, workspace_id, now() - interval '1 hour', 'pending' from schedules`,
  );

async function holdLog() {
  const holder = await bed.admin.connect();
  await holder.query("begin");
  await holder.query("select from audit_heads where chain_id = $1 for update", [log]);
  const { rows } = await holder.query("select pg_backend_pid() as pid");
  return {
    async isWaitedFor() {
      const waiting = "select from pg_stat_activity where $1 = any(pg_blocking_pids(pid))";
      return (await bed.admin.query(waiting, [rows[0].pid])).rows.length > 0;
    },
    async end() {
      await holder.query("rollback");
      holder.release();
    },
  };
}

const LOOPS: Record<string, [prepare: () => Promise<unknown>, round: (firer: Firer) => Promise<unknown>]> = {
  "what is due": [() => makeDue(1_000), (firer) => firer.look()],
  "what is late": [() => makeDue(HOUR), (firer) => firer.catchUp(QUIET)],
  "what has waited": [makeWait, (firer) => firer.takeTurns(QUIET)],
};

for (const [name, [prepare, round]] of Object.entries(LOOPS)) {
  test(`${name} of all others fires in one round, and few waits are in vain`, async () => {
    await prepare();
    const hold = await holdLog();
    const firer = bed.openFirer();
    await round(firer);
    assert.equal(await countFired(others), others.length);
    assert.equal(await countFired(held), 0);
    const waits = firer.failed.length;
    assert.ok(waits > 0 && waits <= WAITS, String(waits));
    assert.equal(firer.stuck.length, 1);
    await hold.end();
    firer.passTime(30_000);
    await firer.until(async () => (await countFired(held)) === held.length);
  });
}

test("it is not waited for again as long as it is held", async () => {
  await makeDue(1_000);
  const hold = await holdLog();
  const firer = bed.openFirer();
  await firer.look();
  const waits = firer.failed.length;
  for (let again = 0; again < 2; again++) {
    // Until it has rested.
    firer.passTime(6_000);
    await bed.admin.query("update schedules set next_run_at = $2 where id = any($1)", [others, ago(1_000)]);
    await firer.look();
  }
  assert.equal(await countFired(others), 3 * others.length);
  assert.equal(firer.failed.length, waits);
  await hold.end();
  firer.passTime(30_000);
  await firer.until(async () => (await countFired(held)) === held.length);
});

test("others have fired before it is waited for, and it fires in the same round when it is free in time", async () => {
  await makeDue(1_000);
  const hold = await holdLog();
  const firer = bed.openFirer();
  const look = firer.look();
  while (!(await hold.isWaitedFor())) await delay(5);
  assert.ok((await countFired(others)) > 0);
  await hold.end();
  await look;
  assert.equal(await countFired(others), others.length);
  assert.equal(await countFired(held), held.length);
  assert.deepEqual([firer.failed, firer.stuck], [[], []]);
});
