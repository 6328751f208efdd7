// Late slots over real PostgreSQL: one workspace's backlog, full queue, long inputs or locked log stand in nobody else's way.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ago, createScheduleBed, type Firer, type ScheduleBed } from "../../../test/support/schedule-bed.ts";

let bed: ScheduleBed;
const HOUR = 3_600_000;
const QUIET = new AbortController().signal;

before(async () => {
  bed = await createScheduleBed();
});
after(() => bed?.close());

type Owner = { ada: { userId: string; workspaceId: string }; workflowId: string };

async function addOwner(): Promise<Owner> {
  const ada = await bed.addPerson();
  return { ada, workflowId: await bed.addWorkflow(ada) };
}
const add = ({ ada, workflowId }: Owner, columns: Record<string, unknown> = {}) =>
  bed.addSchedule(ada, workflowId, columns);
const addMany = (owner: Owner, count: number, columns: Record<string, unknown> = {}) =>
  Promise.all(Array.from({ length: count }, () => add(owner, columns)));
const outcomes = async (id: string) => (await bed.fires(id)).map(({ outcome }) => outcome);
const startedIn = (firer: Firer) => firer.fired.map(({ slots }) => slots.started.length).filter(Boolean);
const forget = (ids: readonly string[]) =>
  bed.admin.query("update schedules set enabled = false where id = any($1)", [ids]);

test("a workspace with a long backlog has its share of a round, and the others theirs in the same", async () => {
  const [hog, other] = [await addOwner(), await addOwner()];
  const heavy = await addMany(hog, 30, {
    ...{ cron: "*/5 * * * * *", misfire: "skip", next_run_at: ago(30 * HOUR) },
  });
  const late = await add(other, { next_run_at: ago(HOUR) });
  const firer = bed.openFirer();
  assert.equal(await firer.catchUp(QUIET), true, "some is left");
  assert.deepEqual(await outcomes(late), ["fired"]);
  const dealtWith = async () => {
    const { rows } = await bed.admin.query(
      "select distinct schedule_id from schedule_skips where schedule_id = any($1)",
      [heavy],
    );
    return rows.length;
  };
  const first = await dealtWith();
  assert.ok(first > 0 && first < 10, String(first));
  while (await firer.catchUp(QUIET));
  assert.equal(await dealtWith(), 30);
  await forget(heavy);
});

test("what fires is part of the share of a round, however little reckoning it takes", async () => {
  const [hog, other] = [await addOwner(), await addOwner()];
  const minutes = { cron: "* * * * *", misfire: "all", next_run_at: ago(40 * 60_000), end_at: ago(0) };
  const many = await addMany(hog, 60, minutes);
  const late = await add(other, { next_run_at: ago(39 * 60_000) });
  const firer = bed.openFirer();
  const round = async () => {
    const before = startedIn(firer).length;
    const isLeft = await firer.catchUp(QUIET);
    const started = startedIn(firer).slice(before);
    return { isLeft, started: started.reduce((sum, count) => sum + count, 0) };
  };
  const first = await round();
  assert.deepEqual(await outcomes(late), ["fired"]);
  assert.equal(first.isLeft, true);
  // 1,000 and the part of a transaction that was under way.
  assert.ok(first.started > 500 && first.started < 1_300, String(first.started));
  while ((await round()).isLeft);
  for (const id of many) assert.ok((await outcomes(id)).length >= 39);
});

test("reckoning tells that it goes on, long before anything has fired", async () => {
  const heavy = { cron: "*/5 * * * * *", misfire: "skip", next_run_at: ago(30 * HOUR), end_at: ago(0) };
  await add(await addOwner(), heavy);
  const firer = bed.openFirer();
  const firedAt: number[] = [];
  await firer.catchUp(QUIET, () => firedAt.push(firer.fired.length));
  const before = firedAt.filter((count) => count === 0).length;
  assert.ok(before > 10, String(before));
});

test("nothing more is planned for a workspace whose queue is found full", async () => {
  const [full, other] = [await addOwner(), await addOwner()];
  const waiting = await addMany(full, 900, { next_run_at: ago(2 * HOUR) });
  const late = await add(other, { next_run_at: ago(HOUR) });
  const firer = bed.openFirer(1);
  await firer.catchUp(QUIET);
  assert.deepEqual(await outcomes(late), ["fired"]);
  // Two transactions go on at once, and each may find it full.
  assert.ok(firer.fired.length <= 2, String(firer.fired.length));
  const { rows } = await bed.admin.query(
    "select count(*)::int from schedule_fires where schedule_id = any($1)",
    [waiting],
  );
  assert.equal(rows[0].count, 1);
  await forget(waiting);
});

test("long inputs go by few in a transaction, however small they are stored", async () => {
  const owner = await addOwner();
  const input = { text: "x".repeat(900_000) };
  const [single, many] = [
    await addMany(owner, 3, { input, next_run_at: ago(1_000) }),
    await add(owner, {
      ...{ input, cron: "0 * * * *", misfire: "all", end_at: ago(0), tolerance_ms: 1_000 },
      next_run_at: new Date(Math.floor(Date.now() / HOUR) * HOUR - 4 * HOUR),
    }),
  ];
  const firer = bed.openFirer();
  await firer.until(async () => (await outcomes(many)).length === 5);
  for (const id of single) assert.deepEqual(await outcomes(id), ["fired"]);
  assert.ok(
    startedIn(firer).every((count) => count <= 2),
    startedIn(firer).join(),
  );
});

test("slots that wait and cannot start stand in nobody's way, however many they are", async () => {
  const [full, other] = [await addOwner(), await addOwner()];
  const ids = await addMany(full, 600, { overlap: "queue", next_run_at: null });
  const last = await add(other, { overlap: "queue", next_run_at: null });
  await bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome)
     select gen_random_uuid(), id, workspace_id, now() - interval '1 hour', 'pending' from schedules where id = any($1)`,
    [[...ids, last]],
  );
  await bed.addExecution({
    workspace_id: full.ada.workspaceId,
    workflow_id: full.workflowId,
    user_id: full.ada.userId,
  });
  const firer = bed.openFirer(1);
  await firer.takeTurns(QUIET);
  assert.deepEqual(await outcomes(last), ["fired"]);
  assert.equal(firer.fired.length, 2, "the full one is asked once");
  await bed.admin.query("update schedule_fires set outcome = 'skipped' where schedule_id = any($1)", [ids]);
});

test("a slot whose schedule is no more ends no round before those behind it had their turn", async () => {
  const owner = await addOwner();
  const ids = await addMany(owner, 501, { overlap: "queue", next_run_at: null });
  const wait = (text: string, values: unknown[]) =>
    bed.admin.query(
      `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome) ${text}`,
      values,
    );
  const from = "gen_random_uuid(), id, workspace_id, now() - interval '1 hour', 'pending' from schedules";
  await wait(`select ${from} where id = any($1)`, [ids]);
  const gone = "00000000-0000-0000-0000-000000000001";
  await wait("values (gen_random_uuid(), $1, $2, now(), 'pending')", [gone, owner.ada.workspaceId]);
  await bed.openFirer().takeTurns(QUIET);
  const { rows } = await bed.admin.query(
    "select outcome, count(*)::int from schedule_fires where schedule_id = any($1) group by outcome",
    [[gone, ...ids]],
  );
  assert.deepEqual(Object.fromEntries(rows.map(({ outcome, count }) => [outcome, count])), {
    fired: 501,
    pending: 1,
  });
  await bed.admin.query("delete from schedule_fires where schedule_id = $1", [gone]);
});

test("a workspace whose log somebody holds waits alone, and nothing is told of it", async () => {
  const [held, other] = [await addOwner(), await addOwner()];
  const blocked = await addMany(held, 3);
  const free = await add(other);
  await bed.openFirer().look();
  const { rows } = await bed.admin.query("select count(*)::int from audit_heads where chain_id = $1", [
    held.ada.workspaceId,
  ]);
  assert.equal(rows[0].count, 1);
  await bed.admin.query("update schedules set next_run_at = $2 where id = any($1)", [
    [...blocked, free],
    ago(1_000),
  ]);
  const holder = await bed.admin.connect();
  await holder.query("begin");
  await holder.query("select from audit_heads where chain_id = $1 for update", [held.ada.workspaceId]);
  const firer = bed.openFirer();
  await firer.look();
  const both = ["fired", "fired"];
  assert.deepEqual(await outcomes(free), both);
  for (const id of blocked) assert.deepEqual([await outcomes(id), await bed.skips(id)], [["fired"], []]);
  await holder.query("rollback");
  holder.release();
  await bed.openFirer().look();
  for (const id of blocked) assert.deepEqual(await outcomes(id), both);
});

test("one whose statement PostgreSQL has no resources for is told of, and its neighbours fire", async () => {
  const owner = await addOwner();
  const [bad, good] = [await add(owner, { input: '"too much"' }), await add(owner)];
  await bed.admin.query(`
    create function refuse_much() returns trigger language plpgsql as $$
    begin
      if new.input = '"too much"' then raise exception 'too much' using errcode = '53200'; end if;
      return new;
    end $$`);
  await bed.admin.query(
    "create trigger refuse_much before insert on workflow_executions for each row execute function refuse_much()",
  );
  await bed.openFirer().look();
  assert.deepEqual(await outcomes(good), ["fired"]);
  const [told] = await bed.skips(bad);
  assert.deepEqual([await outcomes(bad), told?.reason], [[], "failed"]);
  await bed.admin.query("drop trigger refuse_much on workflow_executions");
});
