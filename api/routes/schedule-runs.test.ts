// Previews, runs by hand, backfills and the history over HTTP; no scheduler runs here, so slots stand still.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { type Problem, type ScheduleCalls, scheduleCalls } from "../../test/support/schedules.ts";
import { createTeam, type Team } from "../../test/support/team.ts";
import { chain, createWorkflow } from "../../test/support/workflows.ts";

type Counts = { fired: number; pending: number; alreadyFired: number; from: string; to: string };
type Run = {
  id: string;
  user_id: string;
  version: number;
  trigger_type: string;
  trigger: Record<string, unknown>;
};

let database: TestDatabase;
let api: TestApi;
let team: Team;
let workflowId: string;
let calls: ScheduleCalls;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  team = await createTeam(api);
  const body = { name: "report", graph: chain(), workspaceId: team.workspaceId };
  const made = await api.request<{ id: string }>("POST", "/api/workflows", { token: team.owner.token, body });
  workflowId = made.body.id;
  calls = scheduleCalls(api);
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const make = (given: Record<string, unknown> = {}) =>
  calls.create(team.editor, { workflowId, cron: "*/10 * * * *", ...given });
const runsOf = (scheduleId: string) =>
  asAdmin<Run>(
    database,
    `select id, user_id, version, trigger_type, trigger from workflow_executions
     where trigger ->> 'scheduleId' = $1 order by trigger ->> 'scheduledFor'`,
    [scheduleId],
  );
const backfill = <Body = Counts>(id: string, body: Record<string, unknown>, person = team.editor) =>
  calls.ask<Body>(person, "POST", `/${id}/backfill`, body);

const RANGE = { from: "2026-01-05T10:00:00.000Z", to: "2026-01-05T11:00:00.000Z" };

test("a preview shows what saving would do, and nothing is saved", async () => {
  const timing = { cron: "30 2 * * *", timezone: "America/New_York", startAt: "2031-03-08T12:00:00Z" };
  const preview = (body: unknown) =>
    calls.ask<{ next: string[] } & Problem>(team.viewer, "POST", "/preview", body);
  const { body } = await preview({ ...timing, count: 2 });
  // The night of 9 March has no 02:30 there.
  assert.deepEqual(body.next, ["2031-03-09T07:00:00.000Z", "2031-03-10T06:30:00.000Z"]);
  assert.equal((await preview(timing)).body.next.length, 5);
  const bounded = await preview({ ...timing, endAt: "2031-03-09T23:00:00Z" });
  assert.deepEqual(bounded.body.next, ["2031-03-09T07:00:00.000Z"]);
  for (const [bad, code] of [
    [{ cron: "" }, "cron_empty"],
    [{ cron: "0 * * * *", timezone: "CET2" }, "unknown_timezone"],
    [{ cron: "0 * * * *", count: 201 }, "invalid_request"],
  ] as const) {
    const reply = await preview(bad);
    assert.deepEqual([reply.status, reply.body.code], [400, code], reply.text);
  }
  const made = await make({ ...timing, enabled: false });
  const saved = await calls.ask<{ next: string[] }>(team.viewer, "GET", `/${made.id}/preview?count=2`);
  assert.deepEqual(saved.body.next, body.next);
  const usual = await calls.ask<{ next: string[] }>(team.viewer, "GET", `/${made.id}/preview`);
  assert.equal(usual.body.next.length, 5);
});

test("triggered by hand it runs now in its owner's name, paused or not, and tells who asked", async () => {
  const { id } = await make({ enabled: false, input: { a: 1 }, startAt: "2031-01-01T00:00:00Z" });
  const reply = await calls.ask<{ executionId: string }>(team.operator, "POST", `/${id}/trigger`);
  assert.equal(reply.status, 202, reply.text);
  const { executionId } = reply.body;
  assert.equal(reply.headers.get("location"), `/api/executions/${executionId}`);
  const [run] = await runsOf(id);
  assert.deepEqual(
    [run?.id, run?.user_id, run?.trigger_type, run?.version],
    [executionId, team.editor.userId, "schedule", 1],
  );
  const { scheduledFor, ...trigger } = run?.trigger ?? {};
  assert.deepEqual(trigger, {
    type: "schedule",
    scheduleId: id,
    kind: "manual",
    startedBy: team.operator.userId,
  });
  assert.ok(Math.abs(Date.parse(String(scheduledFor)) - Date.now()) < 60_000);
  const [entry] = await calls.history(team.viewer, id);
  assert.deepEqual(
    [entry?.kind, entry?.outcome, entry?.executionId, entry?.version, entry?.askedBy],
    ["manual", "fired", executionId, 1, team.operator.userId],
  );
  assert.match(String(entry?.explanation), /^Ran version 1 because somebody triggered it by hand\.$/);
  const read = await calls.ask(team.viewer, "GET", `/${id}`);
  assert.deepEqual([read.body.lastExecutionId, read.body.revision], [null, 1], "overlap rules look past it");
  const logged = await asAdmin<{ action: string; actor_id: string; details: Record<string, unknown> }>(
    database,
    "select action, actor_id, details from audit_logs where target_id = any ($1) order by seq desc limit 2",
    [[id, executionId]],
  );
  assert.deepEqual(
    logged.map((one) => [one.action, one.actor_id, one.details.ownerId]),
    [
      ["schedule.triggered", team.operator.userId, team.editor.userId],
      ["execution.submitted", team.operator.userId, team.editor.userId],
    ],
  );
  assert.deepEqual([logged[1]?.details.scheduleId, logged[1]?.details.scheduledFor], [id, scheduledFor]);
});

test("what is run by hand starts where the clock would: at the version's only schedule trigger", async () => {
  const trigger = (id: string, type: string) => ({ id, type, data: { config: {} } });
  const graph = {
    nodes: [trigger("byHand", "trigger.manual"), trigger("nightly", "trigger.schedule")],
    edges: [],
  };
  const body = { name: "nightly", graph, workspaceId: team.workspaceId };
  const made = await api.request<{ id: string }>("POST", "/api/workflows", { token: team.owner.token, body });
  const { id } = await make({ workflowId: made.body.id });
  await calls.ask(team.operator, "POST", `/${id}/trigger`);
  await backfill(id, { ...RANGE, to: RANGE.from });
  const starts = await asAdmin<{ trigger_node: string }>(
    database,
    "select trigger_node from workflow_executions where trigger ->> 'scheduleId' = $1",
    [id],
  );
  assert.deepEqual(
    starts.map((row) => row.trigger_node),
    ["nightly", "nightly"],
  );
});

test("a backfill fires each slot of the closed range once, however often it is asked for", async () => {
  const { id } = await make();
  const first = await backfill(id, RANGE);
  assert.equal(first.status, 202, first.text);
  assert.deepEqual(first.body, { fired: 7, pending: 0, alreadyFired: 0, ...RANGE });
  const wider = await backfill(id, { ...RANGE, to: "2026-01-05T11:25:00Z" });
  assert.deepEqual([wider.body.fired, wider.body.alreadyFired], [2, 7]);
  const all = await Promise.all(
    [1, 2, 3].map(() => backfill(id, { ...RANGE, from: "2026-01-05T09:00:00Z" })),
  );
  assert.equal(
    all.reduce((sum, reply) => sum + reply.body.fired, 0),
    6,
  );
  const runs = await runsOf(id);
  const slots = runs.map((run) => Date.parse(String(run.trigger.scheduledFor)));
  const from = Date.parse("2026-01-05T09:00:00Z");
  assert.deepEqual(
    slots,
    Array.from({ length: 15 }, (_, index) => from + index * 600_000),
  );
  assert.equal(new Set(runs.map((run) => run.trigger.kind)).size, 1);
  const history = await calls.history(team.viewer, id, "?outcome=fired&limit=200");
  assert.equal(history.length, 15);
  assert.deepEqual(new Set(history.map((entry) => entry.executionId)), new Set(runs.map((run) => run.id)));
});

test("slots that were given up on may be made up for; those that fired by the clock may not", async () => {
  const { id } = await make();
  const slot = (minute: string) => `2026-01-05T10:${minute}:00.000Z`;
  for (const [minute, outcome] of [
    ["10", "fired"],
    ["20", "skipped"],
    ["30", "pending"],
  ] as const) {
    await asAdmin(
      database,
      `insert into schedule_fires (id, workspace_id, schedule_id, scheduled_for, outcome)
       values (gen_random_uuid(), $1, $2, $3, $4)`,
      [team.workspaceId, id, slot(minute), outcome],
    );
  }
  const { body } = await backfill(id, RANGE);
  assert.deepEqual([body.fired, body.alreadyFired], [5, 2]);
  const made = (await runsOf(id)).map((run) => run.trigger.scheduledFor);
  assert.deepEqual(made, ["00", "20", "40", "50"].map(slot).concat("2026-01-05T11:00:00.000Z"));
});

test("where slots wait for their turn, a backfill adds them to the queue in order", async () => {
  const { id } = await make({ overlap: "queue" });
  const { body } = await backfill(id, RANGE, team.operator);
  assert.deepEqual([body.fired, body.pending, body.alreadyFired], [0, 7, 0]);
  assert.deepEqual(await runsOf(id), []);
  const again = await backfill(id, RANGE);
  assert.deepEqual([again.body.pending, again.body.alreadyFired], [0, 7]);
  const waiting = await calls.history(team.viewer, id, "?outcome=pending");
  const slots = waiting.map((entry) => entry.scheduledFor).reverse();
  assert.deepEqual(slots, slots.toSorted());
  assert.deepEqual(
    [waiting.length, waiting[0]?.askedBy, waiting[0]?.executionId],
    [7, team.operator.userId, null],
  );
  const more = await backfill<Problem>(id, { from: "2026-01-10T00:00:00Z", to: "2026-01-16T22:00:00Z" });
  assert.deepEqual([more.status, more.body.code], [400, "too_many_slots"], more.text);
  assert.match(more.body.detail, /993 more can/);
});

test("a range that is too long, upside down or not over is refused, and nothing fires", async () => {
  const { id } = await make({ cron: "* * * * *" });
  const later = new Date(Date.now() + 60_000).toISOString();
  for (const [range, code, words] of [
    [
      { from: "2026-01-05T00:00:00Z", to: "2026-01-05T16:40:00Z" },
      "too_many_slots",
      /before 2026-01-05T16:40:00/,
    ],
    [{ from: "2000-01-01T00:00:00Z", to: RANGE.to }, "too_many_slots", /narrow it/],
    [{ from: RANGE.to, to: RANGE.from }, "invalid_request", /exchange/],
    [{ from: RANGE.from, to: later }, "invalid_request", /not later than now/],
    [{ from: RANGE.from }, "invalid_request", /./],
  ] as const) {
    const reply = await backfill<Problem>(id, range);
    assert.deepEqual([reply.status, reply.body.code], [400, code], reply.text);
    assert.match(reply.body.detail, words);
    assert.ok(reply.body.errors?.some((error) => error.path === "to"));
  }
  assert.deepEqual(await runsOf(id), []);
  const all = await backfill(id, { from: "2026-01-05T00:00:00Z", to: "2026-01-05T16:39:00Z" });
  assert.equal(all.body.fired, 1_000, all.text);
  assert.equal((await runsOf(id)).length, 1_000);
});

test("big inputs make fewer runs a call", async () => {
  const { id } = await make({ input: "x".repeat(1_900_000) });
  const reply = await backfill<Problem>(id, { ...RANGE, to: "2026-01-05T11:20:00Z" });
  assert.deepEqual([reply.status, reply.body.code], [400, "too_many_slots"]);
  assert.match(reply.body.detail, /more than 8 slots/);
  assert.equal((await backfill(id, RANGE)).body.fired, 7);
});

test("nothing runs for an owner who may not run things any more, or an archived workflow", async () => {
  const { id } = await make();
  const expectRefusal = async (code: string) => {
    for (const [path, body] of [
      ["/trigger", undefined],
      ["/backfill", RANGE],
    ] as const) {
      const reply = await calls.ask<Problem>(team.owner, "POST", `/${id}${path}`, body);
      assert.deepEqual([reply.status, reply.body.code], [409, code], reply.text);
    }
    assert.deepEqual([await runsOf(id), await calls.history(team.owner, id)], [[], []]);
  };
  const setRole = (role: string) =>
    asAdmin(database, "update workspace_members set role = $3 where workspace_id = $1 and user_id = $2", [
      team.workspaceId,
      team.editor.userId,
      role,
    ]);
  await setRole("viewer");
  await expectRefusal("owner_may_not_run");
  await setRole("editor");
  const disable = (at: Date | null) =>
    asAdmin(database, "update users set disabled_at = $2 where id = $1", [team.editor.userId, at]);
  await disable(new Date());
  await expectRefusal("owner_may_not_run");
  await disable(null);
  await asAdmin(database, "update workflows set archived_at = now() where id = $1", [workflowId]);
  await expectRefusal("workflow_archived");
  await asAdmin(database, "update workflows set archived_at = null where id = $1", [workflowId]);
  assert.equal((await backfill(id, RANGE)).status, 202);
});

test("history pages merge fires and skips, newest first, each with its sentence", async () => {
  const { id } = await make();
  await backfill(id, { from: RANGE.from, to: RANGE.from });
  await asAdmin(
    database,
    `insert into schedule_skips (id, workspace_id, schedule_id, first_slot, last_slot, slots, reason)
     values (uuidv7(), $1, $2, '2026-01-06T00:00Z', '2026-01-06T04:00Z', 25, 'replaced'),
       (uuidv7(), $1, $2, '2026-01-07T00:00Z', '2026-01-07T00:00Z', 1, 'overlap')`,
    [team.workspaceId, id],
  );
  await calls.ask(team.editor, "POST", `/${id}/trigger`);
  type Page = { items: { explanation: string }[]; nextCursor: string | null };
  const told: string[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await calls.ask<Page>(team.viewer, "GET", `/${id}/history?limit=1${cursor}`);
    told.push(...body.items.map((item) => item.explanation));
    if (body.nextCursor === null) break;
    cursor = `&cursor=${body.nextCursor}`;
  }
  assert.deepEqual(told, [
    "Ran version 1 because somebody triggered it by hand.",
    "The slot of 2026-01-07T00:00:00.000Z did not run because the execution before had not ended.",
    "25 slots from 2026-01-06T00:00:00.000Z to 2026-01-06T04:00:00.000Z were missed: nothing could start them in time, and this schedule makes up for what it misses by one later slot.",
    `Ran version 1 for the slot of ${RANGE.from} because of a backfill.`,
  ]);
  const skipped = await calls.history(team.viewer, id, "?outcome=skipped");
  assert.deepEqual(
    skipped.map((entry) => entry.reason),
    ["overlap", "replaced"],
  );
});

test("it starts at the trigger of its own, and not at all when the one it names is gone", async () => {
  const node = (id: string, type: string) => ({ id, type, position: { x: 0, y: 0 }, data: {} });
  const save = (method: string, path: string, body: Record<string, unknown>) =>
    api.request<{ id: string }>(method, path, { token: team.owner.token, body });
  const graph = {
    nodes: [node("by_hand", "trigger.manual"), node("by_clock", "trigger.schedule")],
    edges: [],
  };
  const { workspaceId } = team;
  const flow = await save("POST", "/api/workflows", { name: "two", graph, workspaceId });
  const own = await make({ workflowId: flow.body.id });
  const named = await make({ workflowId: flow.body.id, trigger: "by_hand" });
  const startOf = async (id: string) => {
    const { body } = await calls.ask<{ executionId: string }>(team.operator, "POST", `/${id}/trigger`);
    const text = "select trigger_node from workflow_executions where id = $1";
    return (await asAdmin<{ trigger_node: string }>(database, text, [body.executionId]))[0]?.trigger_node;
  };
  assert.deepEqual([await startOf(own.id), await startOf(named.id)], ["by_clock", "by_hand"]);
  await save("PUT", `/api/workflows/${flow.body.id}`, { graph: { ...graph, nodes: graph.nodes.slice(1) } });
  const gone = await calls.ask<Problem>(team.operator, "POST", `/${named.id}/trigger`);
  assert.deepEqual([gone.status, gone.body.code], [409, "no_trigger"], gone.text);
  assert.equal(await startOf(own.id), "by_clock");
  const [entry] = await calls.history(team.viewer, own.id);
  assert.equal(entry?.version, 2, "the version that ran is noted");
});

test("a queue without room for all of them takes none, and nothing has fired", async () => {
  const solo = await api.register();
  await asAdmin(database, "update workspaces set max_queued = 3 where id = $1", [solo.workspaceId]);
  const own = await createWorkflow(api.request, solo, chain());
  const { id } = await calls.create(solo, { workflowId: own, cron: "*/10 * * * *" });
  const full = await backfill<Problem>(id, RANGE, solo);
  assert.deepEqual([full.status, full.body.code], [429, "queue_full"], full.text);
  assert.deepEqual([await runsOf(id), await calls.history(solo, id)], [[], []]);
  const fitting = await backfill(id, { ...RANGE, to: "2026-01-05T10:20:00Z" }, solo);
  assert.equal(fitting.body.fired, 3, fitting.text);
});
