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
const idsOf = (...people: Person[]) => people.map(({ userId }) => userId).toSorted();

test("whoever changed a schedule last does not sign what it asks, nor when that is tried again", async () => {
  const { owner, editor, operator } = on.team;
  const join = () => joinAs(on.api, owner, on.team.workspaceId, "editor");
  const [first, renamer] = [await join(), await join()];
  const { id } = await call(owner, "POST", "/schedules", { workflowId, cron: "0 0 1 1 *" });
  const change = (person: Person, body: Row) => call(person, "PATCH", `/schedules/${id}`, body);
  const start = async () => (await call(operator, "POST", `/schedules/${id}/trigger`)).executionId;
  assert.deepEqual((await askedBy(await start())).excluded, idsOf(owner, operator));
  await change(first, { input: { pay: 1 } });
  await change(editor, { input: { pay: 2 } });
  // Neither takes the editor's place: they have nothing started.
  await change(renamer, { name: "payday" });
  await change(renamer, { enabled: false });
  const executionId = await start();
  const asked = await askedBy(executionId);
  assert.deepEqual(asked.excluded, idsOf(owner, operator, editor));
  assert.equal((await on.decide(editor, asked.id)).body.code, "forbidden");
  await call(owner, "POST", `/executions/${executionId}/cancel`);
  await on.settle();
  const again = await call(owner, "POST", `/executions/${executionId}/retry`);
  const askedAgain = await askedBy(again.id);
  assert.deepEqual(askedAgain.excluded, idsOf(owner, operator, editor));
  assert.equal((await on.decide(first, askedAgain.id)).body.status, "approved");
  await change(renamer, { enabled: true });
  assert.deepEqual((await askedBy(await start())).excluded, idsOf(owner, operator, renamer));
});

test("whoever gave a webhook its secret does not sign what it asks, though it runs as its maker", async () => {
  const { owner, editor, operator } = on.team;
  const renamer = await joinAs(on.api, owner, on.team.workspaceId, "editor");
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
  await call(renamer, "PATCH", path, { trigger: "start" });
  assert.deepEqual((await askedBy(await deliver(secret))).excluded, idsOf(owner, renamer));
});
