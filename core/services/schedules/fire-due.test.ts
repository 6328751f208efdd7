// Due schedules over real PostgreSQL: what fires, in whose name, once however many look, and what keeps it from firing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { ago, createScheduleBed, type Firer, type ScheduleBed } from "../../../test/support/schedule-bed.ts";

let bed: ScheduleBed;
let firer: Firer;
const NEVER = new AbortController().signal;
const EDITOR = "0190a000-0000-7000-8000-00000000000e";

before(async () => {
  bed = await createScheduleBed();
  firer = bed.openFirer();
});
after(() => bed?.close());

async function addOwn(columns: Record<string, unknown> = {}, graph?: unknown) {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada, graph);
  return { ada, workflowId, id: await bed.addSchedule(ada, workflowId, columns) };
}

const outcomes = async (id: string) => (await bed.fires(id)).map(({ outcome }) => outcome);
const reasons = async (id: string) => (await bed.skips(id)).map(({ reason, slots }) => [reason, slots]);

test("a due slot fires as its owner, on the current version, with its own instant in the trigger data", async () => {
  const due = ago(5_000);
  const { ada, workflowId, id } = await addOwn({ next_run_at: due, input: { city: "Ulm" } });
  await firer.look(NEVER);
  const [fire, ...more] = await bed.fires(id);
  assert.deepEqual([more.length, fire?.outcome, fire?.kind, fire?.version], [0, "fired", "slot", 1]);
  assert.equal(Number(fire?.scheduled_for), Number(due));
  const row = await bed.execution(String(fire?.execution_id));
  assert.deepEqual(
    [row.status, row.user_id, row.workspace_id, row.workflow_id, row.trigger_type, row.input],
    ["queued", ada.userId, ada.workspaceId, workflowId, "schedule", { city: "Ulm" }],
  );
  assert.deepEqual(row.trigger, {
    type: "schedule",
    scheduleId: id,
    scheduledFor: due.toISOString(),
    kind: "slot",
  });
  const { next_run_at: next, last_execution_id: last } = await bed.schedule(id);
  assert.equal(last, fire?.execution_id);
  assert.equal(Number(next), Date.UTC(due.getUTCFullYear() + 1, 0));
  const { rows } = await bed.admin.query("select * from audit_logs where target_id = $1", [last]);
  assert.equal(rows.length, 1);
  assert.deepEqual(
    [rows[0].action, rows[0].actor_id, rows[0].details],
    [
      "execution.submitted",
      ada.userId,
      { workflowId, version: 1, scheduleId: id, scheduledFor: due.toISOString() },
    ],
  );
});

test("who has changed it stands behind what it starts, its owner does not", async () => {
  const { ada, id } = await addOwn({ editors: `{${EDITOR}}` });
  const own = await addOwn({});
  await bed.admin.query("update schedules set editors = array[owner_id] where id = $1", [own.id]);
  await firer.look(NEVER);
  const people = async (schedule: string) => {
    const [fire] = await bed.fires(schedule);
    const row = await bed.execution(String(fire?.execution_id));
    return [row.user_id, row.people_behind];
  };
  assert.deepEqual(await people(id), [ada.userId, [EDITOR]]);
  assert.deepEqual(await people(own.id), [own.ada.userId, []]);
});

test("it starts at the node it names, else at the version's only schedule trigger, else at the default", async () => {
  const trigger = (id: string, type = "trigger.schedule") => ({ id, type });
  const one = { nodes: [trigger("start", "trigger.manual"), trigger("nightly")], edges: [] };
  const two = { nodes: [...one.nodes, trigger("hourly")], edges: [] };
  const startOf = async (id: string) => {
    const [fire] = await bed.fires(id);
    return (await bed.execution(String(fire?.execution_id))).trigger_node;
  };
  const [only, several, named, gone] = [
    await addOwn({}, one),
    await addOwn({}, two),
    await addOwn({ trigger_node: "hourly" }, two),
    await addOwn({ trigger_node: "yearly" }, two),
  ];
  await firer.look(NEVER);
  assert.equal(await startOf(only.id), "nightly");
  assert.equal(await startOf(several.id), null);
  assert.equal(await startOf(named.id), "hourly");
  assert.deepEqual([await outcomes(gone.id), await reasons(gone.id)], [[], [["no_trigger", 1]]]);
});

test("an owner without the second factor that the workspace asks for fires nothing, and one who came by emergency neither", async () => {
  const [asked, proven, emergency] = [await addOwn(), await addOwn(), await addOwn()];
  const totp = "update workspaces set require_totp = true where id = any($1)";
  await bed.admin.query(totp, [[asked.ada.workspaceId, proven.ada.workspaceId]]);
  await bed.admin.query("update users set totp_enabled_at = now() where id = $1", [proven.ada.userId]);
  await bed.admin.query(
    "update workspace_members set role = 'editor', emergency_reason = 'fire', expires_at = now() + interval '1 hour' where user_id = $1",
    [emergency.ada.userId],
  );
  await firer.look(NEVER);
  assert.deepEqual([await outcomes(asked.id), await reasons(asked.id)], [[], [["owner_may_not_run", 1]]]);
  assert.deepEqual([await outcomes(proven.id), await reasons(proven.id)], [["fired"], []]);
  assert.deepEqual(
    [await outcomes(emergency.id), await reasons(emergency.id)],
    [[], [["owner_may_not_run", 1]]],
  );
});

test("a one-off fires once and is not looked at again", async () => {
  const at = ago(2_000);
  const { id } = await addOwn({ run_at: at, next_run_at: at });
  await firer.look(NEVER);
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), ["fired"]);
  assert.equal((await bed.schedule(id)).next_run_at, null);
});

test("four that look at once fire each slot once", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const ids = await Promise.all(Array.from({ length: 300 }, () => bed.addSchedule(ada, workflowId)));
  const firers = Array.from({ length: 4 }, () => bed.openFirer());
  await Promise.all(firers.map((one) => one.look(NEVER)));
  // Whoever found another's hand on a schedule has left it to them.
  const { rows } = await bed.admin.query(
    "select schedule_id, count(*)::int from schedule_fires where schedule_id = any($1) group by 1",
    [ids],
  );
  assert.deepEqual([rows.length, rows.filter(({ count }) => count !== 1).length], [300, 0]);
  const made = await bed.admin.query("select from workflow_executions where workflow_id = $1", [workflowId]);
  assert.equal(made.rowCount, 300);
});

test("an edit between the look and the fire outdates it", async () => {
  const { id } = await addOwn();
  const { ada, workflowId } = await addOwn();
  const other = await bed.addSchedule(ada, workflowId);
  const edit = await bed.admin.connect();
  await edit.query("begin");
  await edit.query(
    "update schedules set revision = revision + 1, next_run_at = now() + interval '1 hour' where id = $1",
    [id],
  );
  await firer.look(NEVER);
  assert.deepEqual(
    [await outcomes(id), await outcomes(other)],
    [[], ["fired"]],
    "only the one in other hands is left",
  );
  await edit.query("commit");
  edit.release();
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), []);
});

test("owners who are disabled, gone, out of their time or too small in role start nothing, and it is told", async () => {
  const bar: Record<string, (userId: string) => Promise<unknown>> = {
    disabled: (userId) => bed.admin.query("update users set disabled_at = now() where id = $1", [userId]),
    gone: (userId) => bed.admin.query("delete from workspace_members where user_id = $1", [userId]),
    ended: (userId) =>
      bed.admin.query(
        "update workspace_members set role = 'editor', expires_at = now() - interval '1 s' where user_id = $1",
        [userId],
      ),
    viewer: (userId) =>
      bed.admin.query("update workspace_members set role = 'viewer' where user_id = $1", [userId]),
  };
  for (const [name, keepOut] of Object.entries(bar)) {
    const { ada, id } = await addOwn();
    await keepOut(ada.userId);
    await firer.look(NEVER);
    assert.deepEqual([await outcomes(id), await reasons(id)], [[], [["owner_may_not_run", 1]]], name);
    assert.ok(Number((await bed.schedule(id)).next_run_at) > Date.now() - 1_000, "its clock goes on");
  }
  const editor = await bed.addPerson("operator", (await bed.addPerson()).workspaceId);
  const id = await bed.addSchedule(editor, await bed.addWorkflow(editor));
  await bed.admin.query(
    "update workspace_members set expires_at = now() + interval '1 h' where user_id = $1",
    [editor.userId],
  );
  await firer.look(NEVER);
  assert.deepEqual(await outcomes(id), ["fired"], "whose time has not come may");
});

test("nothing of an archived workflow, of another workspace's workflow, or of a paused schedule fires", async () => {
  const archived = await addOwn();
  await bed.admin.query("update workflows set archived_at = now() where id = $1", [archived.workflowId]);
  const eve = await bed.addPerson();
  const foreign = await bed.addSchedule(eve, (await addOwn()).workflowId);
  const paused = await addOwn({ enabled: false });
  await firer.look(NEVER);
  assert.deepEqual(await reasons(archived.id), [["workflow_archived", 1]]);
  assert.deepEqual(await reasons(foreign), [["owner_may_not_run", 1]]);
  assert.deepEqual([await outcomes(paused.id), await reasons(paused.id)], [[], []]);
});

test("what a full queue has no room for stays due, and fires in its order when there is room", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const due = Array.from({ length: 6 }, (_, index) => ago(50_000 - index * 1_000));
  const ids = await Promise.all(due.map((next_run_at) => bed.addSchedule(ada, workflowId, { next_run_at })));
  const small = bed.openFirer(4);
  await small.look(NEVER);
  const fired = async () => (await Promise.all(ids.map(outcomes))).map(({ length }) => length);
  assert.deepEqual(await fired(), [1, 1, 1, 1, 0, 0]);
  const { next_run_at: next } = await bed.schedule(ids[4] ?? "");
  assert.equal(Number(next), Number(due[4]), "still due");
  assert.deepEqual(await reasons(ids[4] ?? ""), []);
  await bed.admin.query(
    "update workflow_executions set status = 'cancelled', finished_at = now() where workflow_id = $1",
    [workflowId],
  );
  await small.until(async () => (await fired()).every((count) => count === 1));
});

test("missed slots are made up for by their policy, and each skip is told once", async () => {
  const slot = new Date(Math.floor((Date.now() - 600_000) / 60_000) * 60_000);
  const [skip, once, all] = await Promise.all(
    ["skip", "once", "all"].map((misfire) => addOwn({ cron: "* * * * *", misfire, next_run_at: slot })),
  );
  await firer.look(NEVER);
  for (const one of [skip, once]) {
    assert.equal((await outcomes(one?.id ?? "")).length, 1, "the one on time");
    const told = await bed.skips(one?.id ?? "");
    assert.equal(told.length, 1);
    assert.equal(Number(told[0]?.first_slot), Number(slot));
  }
  assert.deepEqual((await reasons(skip?.id ?? ""))[0]?.[0], "missed");
  assert.deepEqual((await reasons(once?.id ?? ""))[0]?.[0], "replaced");
  const made = (await bed.fires(all?.id ?? "")).map((fire) => Number(fire.scheduled_for));
  assert.deepEqual(
    made,
    made.map((_, index) => Number(slot) + index * 60_000),
  );
  assert.ok(made.length >= 10);
});

test("a schedule that cannot be read, or fails, holds up no neighbour, and says so once", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const bad = await bed.addSchedule(ada, workflowId, { cron: "once in a while" });
  const dateless = await bed.addSchedule(ada, workflowId, { next_run_at: "-infinity" });
  const good = await bed.addSchedule(ada, workflowId);
  const failing = await bed.addSchedule(ada, workflowId, { input: '"fails"' });
  await bed.admin.query(`
    create function refuse_one() returns trigger language plpgsql as $$
    begin
      if new.input = '"fails"' then raise exception 'this one fails'; end if;
      return new;
    end $$`);
  await bed.admin.query(
    "create trigger refuse_one before insert on workflow_executions for each row execute function refuse_one()",
  );
  const fresh = bed.openFirer();
  await fresh.look(NEVER);
  await fresh.look(NEVER);
  const another = bed.openFirer();
  await another.look(NEVER);
  assert.deepEqual(await outcomes(good), ["fired"]);
  assert.deepEqual(await outcomes(failing), []);
  assert.deepEqual(await reasons(bad), [["unreadable", 1]]);
  assert.deepEqual(await reasons(dateless), [["unreadable", 1]]);
  assert.deepEqual(await reasons(failing), [["failed", 1]]);
  assert.deepEqual(
    new Set(fresh.stuck.map(({ scheduleId }) => scheduleId)),
    new Set([bad, dateless, failing]),
  );
  assert.equal(fresh.stuck.length, 3, "tried again only after a while");
  await bed.admin.query("drop trigger refuse_one on workflow_executions");
  await bed.openFirer().look(NEVER);
  assert.deepEqual(await outcomes(failing), ["fired"], "it stayed due");
  await bed.admin.query("delete from schedules where id = any($1)", [[bad, dateless]]);
});

test("a slot that was dealt with before does not fire again", async () => {
  const due = ago(5_000);
  const { ada, id } = await addOwn({ next_run_at: due });
  await bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome, kind)
     values ($1, $2, $3, $4, 'fired', 'backfill')`,
    [uuidv7(), id, ada.workspaceId, due],
  );
  await firer.look(NEVER);
  assert.deepEqual(
    (await bed.fires(id)).map(({ kind }) => kind),
    ["backfill"],
  );
  assert.ok(Number((await bed.schedule(id)).next_run_at) > Number(due));
});

test("it says when the next slot is due, and fires nothing before", async () => {
  const soon = new Date(Date.now() + 400);
  const { id } = await addOwn({ next_run_at: soon });
  const restMs = await firer.look(NEVER);
  assert.ok(restMs <= 400 && (await outcomes(id)).length === 0, String(restMs));
  await firer.until(async () => (await outcomes(id)).length === 1);
  const [fire] = await bed.fires(id);
  assert.ok(Number(fire?.fired_at) >= Number(soon), "by the database's clock");
});
