// Who counts as a requester where a schedule or webhook starts runs in its owner's name: whoever had it do what it does.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ApprovalBed, createApprovalBed } from "../test/support/approval-bed.ts";
import type { Person } from "../test/support/client.ts";
import { draw } from "../test/support/engine.ts";
import type { Row } from "../test/support/executions.ts";
import { joinAs } from "../test/support/team.ts";

let on: ApprovalBed;
let workflowId: string;

before(async () => {
  on = await createApprovalBed();
  const ask = { type: "flow.approval", config: { message: "Well?", excludeRequester: true } };
  const place = { userId: on.team.owner.userId, workspaceId: on.team.workspaceId };
  workflowId = await on.bed.addWorkflow(place, draw("start>ask", { ask }));
});
after(() => on?.close());

async function call(person: Person, method: string, path: string, body?: Row): Promise<Row> {
  const reply = await on.api.request<Row>(method, `/api${path}`, { token: person.token, body });
  assert.ok(reply.status < 300, reply.text);
  return reply.body;
}

/** What the execution asks, and whom it does not ask. */
async function askedBy(executionId: unknown): Promise<{ id: string; excluded: string[] }> {
  await on.settle();
  const text = "select id, excluded_user_ids as excluded from approvals where execution_id = $1";
  const { rows } = await on.bed.admin.query(text, [executionId]);
  return { id: rows[0].id, excluded: rows[0].excluded.toSorted() };
}
const countEditors = ({ editors }: Row) => (editors as string[]).length;
const idsOf = (...people: Person[]) => people.map(({ userId }) => userId).toSorted();

const join = () => joinAs(on.api, on.team.owner, on.team.workspaceId, "editor");

test("whoever changed a schedule does not sign what it asks, nor when that is tried again", async () => {
  const { owner, editor, operator } = on.team;
  const [first, renamer] = [await join(), await join()];
  const { id } = await call(owner, "POST", "/schedules", { workflowId, cron: "0 0 1 1 *" });
  const change = (person: Person, body: Row) => call(person, "PATCH", `/schedules/${id}`, body);
  const start = async () => (await call(operator, "POST", `/schedules/${id}/trigger`)).executionId;
  assert.deepEqual((await askedBy(await start())).excluded, idsOf(owner, operator));
  await change(first, { input: { pay: 1 } });
  await change(editor, { input: { pay: 2 } });
  // They have nothing started.
  await change(renamer, { name: "payday" });
  await change(renamer, { enabled: false });
  const executionId = await start();
  const asked = await askedBy(executionId);
  assert.deepEqual(asked.excluded, idsOf(owner, operator, editor, first));
  for (const person of [editor, first]) {
    assert.equal((await on.decide(person, asked.id)).body.code, "forbidden");
  }
  await call(owner, "POST", `/executions/${executionId}/cancel`);
  await on.settle();
  const again = await call(owner, "POST", `/executions/${executionId}/retry`);
  const askedAgain = await askedBy(again.id);
  assert.deepEqual(askedAgain.excluded, idsOf(owner, operator, editor, first));
  assert.equal((await on.decide(renamer, askedAgain.id)).body.status, "approved");
  const switchedOn = await change(renamer, { enabled: true });
  assert.deepEqual(
    switchedOn.editors,
    [first, editor, renamer].map(({ userId }) => userId),
  );
  assert.deepEqual((await askedBy(await start())).excluded, idsOf(owner, operator, editor, first, renamer));
});

test("what somebody arranged is theirs however it is switched on, and whoever owns it", async () => {
  const { owner, editor } = on.team;
  const arranger = await join();
  const { id } = await call(owner, "POST", "/schedules", { workflowId, cron: "0 0 1 1 *" });
  const change = (person: Person, body: Row) => call(person, "PATCH", `/schedules/${id}`, body);
  const start = async () => (await call(owner, "POST", `/schedules/${id}/trigger`)).executionId;
  await change(arranger, { input: { pay: 1 } });
  await change(arranger, { enabled: false });
  await change(owner, { enabled: true });
  assert.deepEqual((await askedBy(await start())).excluded, idsOf(owner, arranger));
  await on.bed.admin.query("update schedules set owner_id = $2 where id = $1", [id, editor.userId]);
  const shown = await call(owner, "GET", `/schedules/${id}`);
  assert.deepEqual(
    shown.editors,
    [arranger, owner].map(({ userId }) => userId),
  );
  assert.deepEqual((await askedBy(await start())).excluded, idsOf(owner, arranger, editor));
});

test("a hundred editors are remembered, and another one is refused what starts more, not a pause", async () => {
  const { owner, editor } = on.team;
  const wish = { workflowId, name: "hook", verify: { type: "bearer" } };
  const schedule = await call(owner, "POST", "/schedules", { workflowId, cron: "0 0 1 1 *" });
  const hook = await call(owner, "POST", "/webhooks", wish);
  const fill = "editors = array(select gen_random_uuid() from generate_series(1, 100))";
  for (const table of ["schedules", "webhooks"]) {
    await on.bed.admin.query(`update ${table} set ${fill} where id = any($1)`, [[schedule.id, hook.id]]);
  }
  const ask = (method: string, path: string, body: Row) =>
    on.api.request<Row>(method, `/api${path}`, { token: editor.token, body });
  const refused = [
    await ask("PATCH", `/schedules/${schedule.id}`, { input: 1 }),
    await ask("PATCH", `/webhooks/${hook.id}`, { trigger: "start" }),
    await ask("POST", `/webhooks/${hook.id}/rotate`, {}),
  ];
  for (const { status, body } of refused) assert.deepEqual([status, body.code], [409, "too_many_editors"]);
  for (const path of [`/schedules/${schedule.id}`, `/webhooks/${hook.id}`]) {
    const paused = await ask("PATCH", path, { enabled: false });
    assert.deepEqual([paused.status, countEditors(paused.body)], [200, 100]);
    assert.equal(countEditors(await call(owner, "PATCH", path, { enabled: true })), 100);
  }
});

test("an error workflow asks nobody who had the failed execution do what it did", async () => {
  const { owner, editor, operator } = on.team;
  const place = { userId: owner.userId, workspaceId: on.team.workspaceId };
  const failing = draw("start>boom", { boom: { type: "test.pure" } }) as object;
  on.behaviours.boom = () => Promise.reject(new Error("boom"));
  const workflow = await on.bed.addWorkflow(place, { ...failing, settings: { errorWorkflowId: workflowId } });
  const { id } = await call(owner, "POST", "/schedules", { workflowId: workflow, cron: "0 0 1 1 *" });
  await call(editor, "PATCH", `/schedules/${id}`, { input: { pay: -1 } });
  const { executionId } = await call(operator, "POST", `/schedules/${id}/trigger`);
  await on.settle();
  const text = "select id from workflow_executions where trigger ->> 'executionId' = $1";
  const { rows } = await on.bed.admin.query(text, [executionId]);
  assert.deepEqual((await askedBy(rows[0].id)).excluded, idsOf(owner, operator, editor));
});

test("whoever gave a webhook its secret does not sign what it asks, though it runs as its maker", async () => {
  const { owner, editor, operator } = on.team;
  const renamer = await join();
  const wish = { workflowId, name: "hook", verify: { type: "bearer" } };
  const made = await call(owner, "POST", "/webhooks", wish);
  const path = `/webhooks/${made.id}`;
  const deliver = async (secret: unknown) => {
    const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
    const body = JSON.stringify({ editedBy: operator.userId });
    const reply = await on.api.request("POST", `/hooks/${made.token}`, { headers, body });
    assert.equal(reply.status, 202, reply.text);
    return reply.body.executionId;
  };
  assert.deepEqual((await askedBy(await deliver(made.secret))).excluded, idsOf(owner));
  const { secret } = await call(editor, "POST", `${path}/rotate`, { overlapSeconds: 0 });
  await call(renamer, "PATCH", path, { name: "new", enabled: true });
  const asked = await askedBy(await deliver(secret));
  assert.deepEqual(asked.excluded, idsOf(owner, editor));
  assert.equal((await on.decide(editor, asked.id)).body.code, "forbidden");
  assert.equal((await on.decide(operator, asked.id)).body.status, "approved");
  const changed = await call(renamer, "PATCH", path, { trigger: "start" });
  assert.deepEqual(
    changed.editors,
    [editor, renamer].map(({ userId }) => userId),
  );
  // Nor does a new secret of its owner's wash that off.
  const own = await call(owner, "POST", `${path}/rotate`, { overlapSeconds: 0 });
  assert.deepEqual((await askedBy(await deliver(own.secret))).excluded, idsOf(owner, editor, renamer));
});
