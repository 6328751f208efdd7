// One schedule whose firing takes longer than a statement may: the others wait for it once, and not again for minutes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ago, createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";

let bed: ScheduleBed;
let slow: string;
const others: string[] = [];
const WORKSPACES = 40;

before(async () => {
  bed = await createScheduleBed();
  for (let place = 0; place <= WORKSPACES; place++) {
    const ada = await bed.addPerson();
    const id = await bed.addSchedule(ada, await bed.addWorkflow(ada));
    if (place === WORKSPACES / 2) slow = id;
    else others.push(id);
  }
  // A sequence, because it also counts what is rolled back.
  await bed.admin.query(`
    create sequence long_waits;
    create function be_slow() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
    begin
      if current_setting('statement_timeout') = '10s' then perform nextval('long_waits'); end if;
      perform pg_sleep(15);
      return new;
    end $$;
    create trigger be_slow before insert on schedule_fires for each row when (new.schedule_id = '${slow}')
      execute function be_slow()`);
});
after(() => bed?.close());

async function countLongWaits(): Promise<number> {
  const { rows } = await bed.admin.query(
    "select case when is_called then last_value::int else 0 end as count from long_waits",
  );
  return rows[0].count;
}

async function countFired(): Promise<number> {
  const { rows } = await bed.admin.query(
    "select count(*)::int from schedule_fires where schedule_id = any($1)",
    [others],
  );
  return rows[0].count;
}

test("all others fire in the same look, after one long wait; the slow one rests and is not waited for so long again", async () => {
  const firer = bed.openFirer();
  await firer.look();
  assert.equal(await countFired(), WORKSPACES);
  assert.equal(await countLongWaits(), 1);
  assert.deepEqual(
    firer.stuck.map(({ scheduleId }) => scheduleId),
    [slow],
  );
  assert.deepEqual(
    (await bed.skips(slow)).map(({ reason }) => reason),
    ["failed"],
  );
  // Until it has rested.
  firer.passTime(30_000);
  const failed = firer.failed.length;
  await bed.admin.query("update schedules set next_run_at = $1", [ago(1_000)]);
  await firer.look();
  assert.equal(await countFired(), 2 * WORKSPACES);
  assert.equal(await countLongWaits(), 1);
  assert.equal(firer.stuck.length, 2);
  assert.equal(firer.failed.length, failed + 1, "it was tried alone");
  await bed.admin.query("drop trigger be_slow on schedule_fires");
  const again = bed.openFirer();
  await again.until(async () => (await bed.fires(slow)).length > 0);
});
