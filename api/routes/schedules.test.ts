// Schedules over HTTP: what is taken, what is refused and where, and what an edit does to the slots.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { type Problem, type ScheduleCalls, scheduleCalls } from "../../test/support/schedules.ts";
import { chain, createWorkflow } from "../../test/support/workflows.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;

let database: TestDatabase;
let api: TestApi;
let ada: Person;
let workflowId: string;
let calls: ScheduleCalls;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  ada = await api.register();
  workflowId = await createWorkflow(api.request, ada, chain());
  calls = scheduleCalls(api);
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const make = (given: Record<string, unknown> = {}) =>
  calls.create(ada, { workflowId, ...(given.runAt ? {} : { cron: "30 * * * *" }), ...given });

/** As if its slot had fallen due so long ago, and no scheduler had looked. */
async function fallDue(id: string, dueMs: number): Promise<string> {
  const slot = new Date(Math.floor((Date.now() - dueMs) / MINUTE) * MINUTE).toISOString();
  await asAdmin(database, "update schedules set next_run_at = $2 where id = $1", [id, slot]);
  return slot;
}

async function actionsOf(id: string) {
  type Entry = { action: string; actor_id: string; details: Record<string, unknown> };
  const text = "select action, actor_id, details from audit_logs where target_id = $1 order by seq";
  return asAdmin<Entry>(database, text, [id]);
}

test("a schedule comes back whole, with its defaults and its next five times", async () => {
  const made = await make({ name: " Half past ", timezone: "Europe/Berlin", input: { a: [1] } });
  const { id, next, nextRunAt, ...rest } = made;
  assert.equal(rest.ownerId, ada.userId);
  assert.equal(rest.workspaceId, ada.workspaceId);
  assert.deepEqual(
    [
      rest.name,
      rest.misfire,
      rest.overlap,
      rest.enabled,
      rest.toleranceMs,
      rest.maxLatenessMs,
      rest.revision,
    ],
    ["Half past", "once", "allow", true, 60_000, null, 1],
  );
  assert.deepEqual(
    [rest.overdue, rest.lateMs, rest.lastExecutionId, rest.workflowArchived],
    [false, 0, null, false],
  );
  assert.equal(next.length, 5);
  assert.equal(next[0], nextRunAt);
  for (const [index, time] of next.entries()) {
    assert.equal(Date.parse(time) - Date.parse(String(nextRunAt)), index * HOUR);
    assert.equal(new Date(time).getUTCMinutes(), 30);
  }
  const read = await calls.ask(ada, "GET", `/${id}`);
  assert.deepEqual({ ...read.body, lateMs: 0 }, made);
  assert.deepEqual(read.body.input, { a: [1] });
  const listed = await calls.ask<{ items: { id: string; next: string[] }[] }>(
    ada,
    "GET",
    `?workflowId=${workflowId}`,
  );
  const row = listed.body.items.find((item) => item.id === id);
  assert.deepEqual(row?.next, next);
  assert.equal(row && "input" in row, false, "lists carry no inputs");
  const [entry] = await actionsOf(id);
  assert.deepEqual([entry?.action, entry?.actor_id], ["schedule.created", ada.userId]);
});

test("what is no good is refused with its field and what to do", async () => {
  const soon = inMs(HOUR);
  const cases: [Record<string, unknown>, string, string][] = [
    [{ cron: "" }, "cron_empty", "cron"],
    [{ cron: "   " }, "cron_empty", "cron"],
    [{ cron: "61 * * * *" }, "cron_invalid", "cron"],
    [{ cron: "* * * *" }, "cron_invalid", "cron"],
    [{ cron: "0 0 30 2 *" }, "cron_impossible", "cron"],
    [{ cron: "* * * * * *" }, "cron_too_frequent", "cron"],
    [{ cron: "0 * * * *", timezone: "Mars/Olympus" }, "unknown_timezone", "timezone"],
    [{}, "cron_or_run_at", "cron"],
    [{ cron: "0 * * * *", runAt: soon }, "cron_or_run_at", "cron"],
    [{ runAt: inMs(-HOUR) }, "run_at_past", "runAt"],
    [{ cron: "0 * * * *", startAt: soon, endAt: inMs(0) }, "schedule_window", "endAt"],
    [
      { cron: "0 0 1 1 *", startAt: "2031-02-01T00:00:00Z", endAt: "2031-03-01T00:00:00Z" },
      "schedule_window",
      "endAt",
    ],
    [{ cron: "0 * * * *", endAt: inMs(-HOUR) }, "schedule_window", "endAt"],
    [{ cron: "0 * * * *", trigger: "nowhere" }, "invalid_trigger", "trigger"],
    [{ cron: "0 * * * *", startAt: "tomorrow" }, "invalid_request", "startAt"],
    [{ cron: "0 * * * *", startAt: "0001-01-01T00:00:00Z" }, "invalid_request", "startAt"],
    [{ cron: "0 * * * *", toleranceMs: 1 }, "invalid_request", "toleranceMs"],
    [{ cron: "0 * * * *", maxLatenessMs: 0 }, "invalid_request", "maxLatenessMs"],
    [{ cron: "0 * * * *", misfire: "maybe" }, "invalid_request", "misfire"],
    [{ cron: "0 * * * *", overlap: "pile" }, "invalid_request", "overlap"],
    [{ cron: "0 * * * *", name: "a\u0000" }, "invalid_request", "name"],
    [{ cron: "0 * * * *", input: { a: ["\ud800"] } }, "invalid_request", "input.a.0"],
  ];
  for (const [body, code, path] of cases) {
    const reply = await calls.ask<Problem>(ada, "POST", "", { workflowId, ...body });
    const label = `${JSON.stringify(body)}: ${reply.text}`;
    assert.deepEqual([reply.status, reply.body.code], [400, code], label);
    assert.ok(
      reply.body.errors?.some((error) => error.path === path && error.message.length > 10),
      label,
    );
  }
  const input = { report: { $file: "00000000-0000-7000-8000-000000000000" } };
  const reply = await calls.ask<Problem>(ada, "POST", "", { workflowId, cron: "0 * * * *", input });
  assert.deepEqual([reply.status, reply.body.code], [404, "not_found"]);
});

test("a one-off is due once; one a moment ago still counts", async () => {
  const at = inMs(HOUR);
  const later = await make({ runAt: at });
  assert.deepEqual([later.nextRunAt, later.next, later.cron], [at, [at], null]);
  const just = inMs(-5_000);
  const now = await make({ runAt: just });
  assert.deepEqual([now.nextRunAt, now.next, now.overdue], [just, [], false]);
  assert.ok(now.lateMs >= 5_000);
});

test("late by more than its tolerance is overdue, and can be asked for", async () => {
  const { id } = await make({ toleranceMs: 120_000 });
  await fallDue(id, MINUTE / 2);
  assert.equal((await calls.ask(ada, "GET", `/${id}`)).body.overdue, false);
  await fallDue(id, HOUR);
  const read = await calls.ask(ada, "GET", `/${id}`);
  assert.equal(read.body.overdue, true);
  assert.ok(read.body.lateMs >= HOUR && read.body.lateMs < HOUR + 5 * MINUTE);
  const ids = async (query: string) => {
    const reply = await calls.ask<{ items: { id: string }[] }>(ada, "GET", `?limit=200&${query}`);
    return reply.body.items.map((item) => item.id);
  };
  assert.deepEqual(await ids("overdue=true"), [id]);
  assert.equal((await ids("overdue=false")).includes(id), false);
  await calls.patch(ada, id, { enabled: false });
  assert.deepEqual(await ids("overdue=true"), []);
  assert.equal((await ids("enabled=false")).includes(id), true);
});

test("an edit raises the revision, keeps what is due, and says in the log who made it", async () => {
  const { id } = await make({ endAt: inMs(48 * HOUR), maxLatenessMs: 5_000 });
  const due = await fallDue(id, 10 * MINUTE);
  const named = await calls.patch(ada, id, { name: "new", misfire: "all" });
  assert.deepEqual([named.revision, named.nextRunAt, named.name, named.misfire], [2, due, "new", "all"]);
  const open = await calls.patch(ada, id, { maxLatenessMs: null });
  assert.deepEqual([open.revision, open.maxLatenessMs], [3, null]);
  const same = await calls.patch(ada, id, { name: "new" });
  assert.equal(same.revision, 3, "what changes nothing is no edit");
  const entries = await actionsOf(id);
  assert.deepEqual(
    entries.map((entry) => [entry.action, entry.details.fields]),
    [
      ["schedule.created", undefined],
      ["schedule.updated", ["name", "misfire"]],
      ["schedule.updated", ["maxLatenessMs"]],
    ],
  );
});

test("other times count from now; what was due under the old ones is told of", async () => {
  const { id } = await make({ cron: "* * * * *" });
  const first = await fallDue(id, 3 * MINUTE);
  const edited = await calls.patch(ada, id, { cron: "15 * * * *", timezone: "Asia/Kolkata" });
  assert.ok(Date.parse(String(edited.nextRunAt)) > Date.now());
  assert.equal(new Date(String(edited.nextRunAt)).getUTCMinutes(), 45);
  const [entry] = await calls.history(ada, id);
  assert.deepEqual([entry?.outcome, entry?.reason, entry?.scheduledFor], ["skipped", "edited", first]);
  assert.ok(Number(entry?.slots) >= 3 && Number(entry?.slots) <= 4, JSON.stringify(entry));
  assert.match(String(entry?.explanation), /^\d slots from .* to .* were due but not yet run when/);
});

test("a pause has no slots, and going on begins from now", async () => {
  const { id } = await make({ cron: "* * * * *" });
  const paused = await calls.patch(ada, id, { enabled: false });
  assert.deepEqual([paused.nextRunAt, paused.next.length, paused.lateMs], [null, 5, 0]);
  assert.deepEqual(await calls.history(ada, id), []);
  const on = await calls.patch(ada, id, { enabled: true });
  assert.ok(Date.parse(String(on.nextRunAt)) > Date.now() - 1_000);
  assert.deepEqual(await calls.history(ada, id), [], "slots of a pause are no misses");
});

test("cron and runAt may be exchanged; a slot that has fired is not due again", async () => {
  const { id } = await make();
  const at = inMs(2 * HOUR);
  const once = await calls.patch(ada, id, { runAt: at });
  assert.deepEqual([once.cron, once.runAt, once.nextRunAt], [null, at, at]);
  const again = await calls.patch(ada, id, { cron: "0 0 * * *", runAt: null, startAt: inMs(24 * HOUR) });
  assert.deepEqual([again.cron, again.runAt], ["0 0 * * *", null]);
  assert.equal((await calls.patch(ada, id, { startAt: null })).startAt, null);
  for (const body of [{ cron: "0 0 * * *", runAt: at }, { cron: null }]) {
    const reply = await calls.ask<Problem>(ada, "PATCH", `/${id}`, body);
    assert.deepEqual([reply.status, reply.body.code], [400, "cron_or_run_at"], reply.text);
  }
  const slot = inMs(-2_000);
  await asAdmin(
    database,
    `insert into schedule_fires (id, workspace_id, schedule_id, scheduled_for, outcome)
     values (gen_random_uuid(), $1, $2, $3, 'fired')`,
    [ada.workspaceId, id, slot],
  );
  const fired = await calls.patch(ada, id, { runAt: slot });
  assert.deepEqual([fired.runAt, fired.nextRunAt], [slot, null]);
});

test("an archived workflow switches its schedules off, and they say so", async () => {
  const doomed = await createWorkflow(api.request, ada, chain());
  const { id } = await make({ workflowId: doomed });
  const due = await fallDue(id, 10 * MINUTE);
  const paused = await make({ workflowId: doomed, enabled: false });
  const gone = await api.request("DELETE", `/api/workflows/${doomed}`, { token: ada.token });
  assert.equal(gone.status, 204);
  const { body } = await calls.ask(ada, "GET", `/${id}`);
  assert.deepEqual(
    [body.enabled, body.nextRunAt, body.workflowArchived, body.revision],
    [false, null, true, 2],
  );
  const [entry] = await calls.history(ada, id);
  assert.deepEqual([entry?.reason, entry?.scheduledFor], ["workflow_archived", due]);
  assert.deepEqual(
    (await actionsOf(id)).map((logged) => logged.action),
    ["schedule.created", "schedule.updated"],
  );
  assert.equal((await calls.ask(ada, "GET", `/${paused.id}`)).body.revision, 1);
  const on = await calls.ask<Problem>(ada, "PATCH", `/${id}`, { enabled: true });
  assert.deepEqual([on.status, on.body.code], [409, "workflow_archived"]);
  assert.equal((await calls.patch(ada, id, { name: "was" })).name, "was");
  const moved = await calls.patch(ada, id, { enabled: true, workflowId });
  assert.deepEqual([moved.workflowId, moved.workflowArchived, moved.enabled], [workflowId, false, true]);
  const make2 = await calls.ask<Problem>(ada, "POST", "", { workflowId: doomed, cron: "0 * * * *" });
  assert.equal(make2.status, 404);
});

test("a deleted one is gone, with an entry in the log", async () => {
  const { id } = await make();
  await asAdmin(
    database,
    `insert into schedule_fires (id, workspace_id, schedule_id, scheduled_for, outcome)
     select gen_random_uuid(), $1, $2, now() - n * interval '1 minute', case when n <= 10 then 'pending' else 'fired' end
     from generate_series(1, 1_000) n`,
    [ada.workspaceId, id],
  );
  assert.equal((await calls.ask(ada, "DELETE", `/${id}`)).status, 204);
  for (const path of [`/${id}`, `/${id}/history`]) {
    assert.equal((await calls.ask(ada, "GET", path)).status, 404);
  }
  // What waited will not fire. What has fired is out of sight and swept by its age: nobody waits until it is all gone.
  const rows = await asAdmin(
    database,
    "select outcome, count(*)::int n from schedule_fires where schedule_id = $1 group by 1",
    [id],
  );
  assert.deepEqual(rows, [{ outcome: "fired", n: 990 }]);
  assert.equal((await calls.ask(ada, "DELETE", `/${id}`)).status, 404);
  assert.deepEqual(
    (await actionsOf(id)).map((entry) => entry.action),
    ["schedule.created", "schedule.deleted"],
  );
});

test("pages go on where the one before ended", async () => {
  const own = await createWorkflow(api.request, ada, chain());
  const made: string[] = [];
  for (let index = 0; index < 5; index++) made.unshift((await make({ workflowId: own })).id);
  type Page = { items: { id: string }[]; nextCursor: string | null };
  const first = await calls.ask<Page>(ada, "GET", `?workflowId=${own}&limit=3`);
  const rest = await calls.ask<Page>(
    ada,
    "GET",
    `?workflowId=${own}&limit=3&cursor=${first.body.nextCursor}`,
  );
  assert.deepEqual(
    [...first.body.items, ...rest.body.items].map((item) => item.id),
    made,
  );
  assert.equal(rest.body.nextCursor, null);
});
