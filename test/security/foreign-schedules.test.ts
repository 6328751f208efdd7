// Attacks on schedules: other people's, other people's rights, and texts that would like to be more than texts.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { type Problem, type ScheduleCalls, scheduleCalls } from "../support/schedules.ts";
import { createTeam, type Team } from "../support/team.ts";
import { chain } from "../support/workflows.ts";

let database: TestDatabase;
let api: TestApi;
let team: Team;
let eve: Person;
let workflowId: string;
let eveWorkflow: string;
let calls: ScheduleCalls;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  team = await createTeam(api);
  eve = await api.register();
  workflowId = await addWorkflow(team.owner, team.workspaceId);
  eveWorkflow = await addWorkflow(eve, eve.workspaceId);
  calls = scheduleCalls(api);
});
after(async () => {
  await api?.close();
  await database?.drop();
});

async function addWorkflow({ token }: Person, workspaceId: string): Promise<string> {
  const body = { name: "w", graph: chain(), workspaceId };
  return (await api.request<{ id: string }>("POST", "/api/workflows", { token, body })).body.id;
}

const RANGE = { from: "2026-01-05T10:00:00Z", to: "2026-01-05T10:30:00Z" };
const make = (person: Person, given: Record<string, unknown> = {}) =>
  calls.create(person, { workflowId, cron: "0 * * * *", ...given });
const rowOf = async (id: string) =>
  (await asAdmin<Record<string, unknown>>(database, "select * from schedules where id = $1", [id]))[0];
const anonymised = (text: string) => text.replace(/"requestId":"[^"]*"/, "");

test("A15: every call on a foreign schedule is answered as if there were none, and changes nothing", async () => {
  const { id } = await make(team.owner);
  const before = await rowOf(id);
  for (const [method, path, body] of [
    ["GET", "", undefined],
    ["PATCH", "", { enabled: false }],
    ["DELETE", "", undefined],
    ["GET", "/preview", undefined],
    ["GET", "/history", undefined],
    ["POST", "/trigger", undefined],
    ["POST", "/backfill", RANGE],
  ] as const) {
    const theirs = await calls.ask(eve, method, `/${id}${path}`, body);
    const nobodys = await calls.ask(eve, method, `/${uuidv7()}${path}`, body);
    assert.equal(theirs.status, 404, `${method} ${path}`);
    assert.equal(anonymised(theirs.text), anonymised(nobodys.text), `${method} ${path}`);
  }
  assert.deepEqual(await rowOf(id), before);
  assert.deepEqual(await asAdmin(database, "select 1 from workflow_executions"), []);
});

test("A15: nobody schedules a foreign workflow, nor moves a schedule to one", async () => {
  const made = await calls.ask(eve, "POST", "", { workflowId, cron: "0 * * * *" });
  const none = await calls.ask(eve, "POST", "", { workflowId: uuidv7(), cron: "0 * * * *" });
  assert.deepEqual([made.status, anonymised(made.text)], [404, anonymised(none.text)]);
  const own = await make(eve, { workflowId: eveWorkflow });
  assert.equal((await calls.ask(eve, "PATCH", `/${own.id}`, { workflowId })).status, 404);
  // Of a workspace that is one's own as well: a schedule stays where it is.
  const elsewhere = await addWorkflow(team.owner, team.owner.workspaceId);
  const { id } = await make(team.owner);
  const moved = await calls.ask<Problem>(team.owner, "PATCH", `/${id}`, { workflowId: elsewhere });
  assert.deepEqual([moved.status, moved.body.errors?.[0]?.path], [400, "workflowId"]);
  assert.equal((await rowOf(own.id))?.workflow_id, eveWorkflow);
  const file = { a: { $file: uuidv7() } };
  assert.equal((await calls.ask(eve, "PATCH", `/${own.id}`, { input: file })).status, 404);
});

test("A15: whoever edits or starts a schedule, it runs in the name of its owner and says who asked", async () => {
  const { id } = await make(team.owner, { input: { by: "owner" } });
  const edited = await calls.patch(team.editor, id, { input: { by: "editor" } });
  assert.equal(edited.ownerId, team.owner.userId);
  for (const person of [team.viewer, team.auditor]) {
    for (const [method, path, body] of [
      ["PATCH", "", { enabled: false }],
      ["DELETE", "", undefined],
      ["POST", "/trigger", undefined],
      ["POST", "/backfill", RANGE],
    ] as const) {
      assert.equal((await calls.ask(person, method, `/${id}${path}`, body)).status, 403, `${method} ${path}`);
    }
  }
  for (const [method, body] of [
    ["PATCH", { enabled: false }],
    ["DELETE", undefined],
  ] as const) {
    assert.equal((await calls.ask(team.operator, method, `/${id}`, body)).status, 403);
  }
  const started = await calls.ask<{ executionId: string }>(team.operator, "POST", `/${id}/trigger`);
  assert.equal(started.status, 202);
  const [run] = await asAdmin<{ user_id: string; trigger: { startedBy: string } }>(
    database,
    "select user_id, trigger from workflow_executions where id = $1",
    [started.body.executionId],
  );
  assert.deepEqual([run?.user_id, run?.trigger.startedBy], [team.owner.userId, team.operator.userId]);
  const who = "select actor_id from audit_logs where target_id = $1 and action = 'schedule.updated'";
  assert.deepEqual(await asAdmin(database, who, [id]), [{ actor_id: team.editor.userId }]);
});

test("A23, A24: what the server decides is taken from nobody", async () => {
  const { id } = await make(team.owner);
  const before = await rowOf(id);
  const wanted = {
    ...{
      id: uuidv7(),
      ownerId: team.editor.userId,
      workspaceId: eve.workspaceId,
      nextRunAt: "2031-01-01T00:00:00Z",
    },
    ...{
      lastExecutionId: uuidv7(),
      revision: 7,
      createdAt: "2020-01-01T00:00:00Z",
      next: [],
      overdue: false,
      lateMs: 0,
    },
    ...{ askedBy: uuidv7(), owner_id: team.editor.userId, next_run_at: "2031-01-01T00:00:00Z" },
  };
  for (const [name, value] of Object.entries(wanted)) {
    for (const [method, path, body] of [
      ["POST", "", { workflowId, cron: "0 * * * *" }],
      ["PATCH", `/${id}`, { name: "new" }],
      ["POST", `/${id}/backfill`, RANGE],
    ] as const) {
      const reply = await calls.ask<Problem>(team.owner, method, path, { ...body, [name]: value });
      assert.deepEqual(
        [reply.status, reply.body.errors?.[0]?.path],
        [400, name],
        `${method} ${path} ${name}`,
      );
    }
  }
  assert.deepEqual(await rowOf(id), before);
});

test("A30: an expression in any text of a schedule is a text", async () => {
  const bomb = "{{ $env.PATH & constructor.constructor('return process')() }}";
  for (const field of ["cron", "timezone", "trigger"]) {
    const body = { workflowId, cron: "0 * * * *", [field]: bomb };
    const reply = await calls.ask<Problem>(team.owner, "POST", "", body);
    assert.deepEqual([reply.status, reply.body.errors?.[0]?.path], [400, field], reply.text);
  }
  const made = await make(team.owner, { name: bomb, input: { text: bomb } });
  assert.deepEqual([made.name, made.input], [bomb, { text: bomb }]);
  const { body } = await calls.ask<{ executionId: string }>(team.owner, "POST", `/${made.id}/trigger`);
  const [run] = await asAdmin<{ input: unknown }>(
    database,
    "select input from workflow_executions where id = $1",
    [body.executionId],
  );
  assert.deepEqual(run?.input, { text: bomb });
});

test("A31: keys named after prototypes are data in an input and refused beside it", async () => {
  const input = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  const post = (body: string) =>
    api.request<{ id: string }>("POST", "/api/schedules", { token: team.owner.token, body });
  const made = await post(`{"workflowId":"${workflowId}","cron":"0 * * * *","input":${input}}`);
  assert.equal(made.status, 201, made.text);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  const read = await calls.ask(team.owner, "GET", `/${made.body.id}`);
  assert.deepEqual(Object.keys(read.body.input as object).sort(), ["__proto__", "constructor"]);
  const refused = await post(
    `{"workflowId":"${workflowId}","cron":"0 * * * *","__proto__":{"enabled":false}}`,
  );
  assert.equal(refused.status, 400, refused.text);
});

test("A54: metacharacters of SQL are no SQL", async () => {
  const name = "'); drop table schedules; --";
  const { id } = await make(team.owner, { name, input: { name } });
  assert.equal((await rowOf(id))?.name, name);
  for (const query of ["workflowId=1' or '1'='1", "enabled=true or true", "overdue=--"]) {
    assert.equal((await calls.ask(team.owner, "GET", `?${encodeURI(query)}`)).status, 400, query);
  }
  for (const query of ["outcome=fired' or '1'='1", "cursor=1' or 1=1", "limit=1;select 1"]) {
    assert.equal(
      (await calls.ask(team.owner, "GET", `/${id}/history?${encodeURI(query)}`)).status,
      400,
      query,
    );
  }
});

test("A36: crons that would cost are refused or answered at once", async () => {
  const many = `${Array.from({ length: 60 }, (_, index) => index).join(",")} * * * *`;
  for (const cron of [
    `${"*,".repeat(400)}* * * * *`,
    `*/${"9".repeat(400)} * * * *`,
    "0 0 * * *".repeat(100),
  ]) {
    const reply = await calls.ask<Problem>(team.owner, "POST", "/preview", { cron });
    assert.deepEqual([reply.status, reply.body.code], [400, "cron_invalid"], reply.text);
  }
  const reply = await calls.ask<{ next: string[] }>(team.owner, "POST", "/preview", {
    cron: many,
    count: 200,
  });
  assert.equal(reply.body.next.length, 200, reply.text);
  const rare = await calls.ask<{ next: string[] }>(team.owner, "POST", "/preview", {
    cron: "0 0 29 2 *",
    count: 200,
  });
  assert.equal(rare.body.next.length, 200);
});

test("A70: many at once make no more schedules than a workspace may have, and no slot runs twice", async () => {
  const { id } = await make(team.owner, { cron: "*/10 * * * *" });
  const replies = await Promise.all(
    Array.from({ length: 12 }, () =>
      calls.ask<{ fired: number }>(team.operator, "POST", `/${id}/backfill`, RANGE),
    ),
  );
  assert.equal(
    replies.reduce((sum, reply) => sum + reply.body.fired, 0),
    4,
  );
  const slots = `select trigger ->> 'scheduledFor' from workflow_executions where trigger ->> 'scheduleId' = $1`;
  assert.equal((await asAdmin(database, slots, [id])).length, 4);
  const count = async () =>
    (await asAdmin(database, "select 1 from schedules where workspace_id = $1", [eve.workspaceId])).length;
  await asAdmin(
    database,
    `insert into schedules (id, workspace_id, workflow_id, owner_id, cron, enabled)
     select uuidv7(), $1, $2, $3, '0 * * * *', false from generate_series(1, $4::int)`,
    [eve.workspaceId, eveWorkflow, eve.userId, 9_995 - (await count())],
  );
  const body = { workflowId: eveWorkflow, cron: "0 * * * *" };
  const made = await Promise.all(Array.from({ length: 20 }, () => calls.ask<Problem>(eve, "POST", "", body)));
  assert.equal(made.filter((reply) => reply.status === 201).length, 5);
  const refused = made.find((reply) => reply.status !== 201);
  assert.deepEqual([refused?.status, refused?.body.code], [409, "too_many_schedules"]);
  assert.equal(await count(), 10_000);
});
