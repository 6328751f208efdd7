// Approvals over time: deadlines, limits, retries, loops, cancels, forks, and what is left in the rows after each.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ApprovalBed, createApprovalBed } from "../test/support/approval-bed.ts";
import { draw } from "../test/support/engine.ts";
import type { Row } from "../test/support/executions.ts";

let on: ApprovalBed;

before(async () => {
  on = await createApprovalBed();
});
after(() => on?.close());

const approvalsOf = async (executionId: string): Promise<Row[]> => {
  const text = "select * from approvals where execution_id = $1 order by iteration, attempt";
  return (await on.bed.admin.query(text, [executionId])).rows;
};
const stepOf = async (executionId: string, nodeId = "ask") =>
  (await on.bed.steps(executionId)).findLast((row) => row.node_id === nodeId) as Row;
const codeOf = async (id: string, body?: Row) => (await on.decide(on.team.owner, id, body)).body.code;
/** Runs what comes due until the execution has ended. */
async function untilEnded(id: string): Promise<Row> {
  const stop = on.keepRunning();
  try {
    for (;;) {
      const row = await on.bed.execution(id);
      if (["succeeded", "failed", "cancelled"].includes(row.status as string)) return row;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    await stop();
  }
}
const post = async (path: string, body?: Row) => {
  const reply = await on.api.request<{ id: string }>("POST", path, { token: on.team.owner.token, body });
  assert.equal(reply.status, 202, reply.text);
  return reply.body;
};

test("it waits without a worker; when the deadline comes first, it expires with what was said, and the log says so", async () => {
  const { executionId, id } = await on.ask({ quorum: 2, deadlineMs: 3_000 });
  assert.equal((await on.bed.execution(executionId)).status, "waiting");
  assert.equal((await on.decide(on.team.owner, id)).body.status, "pending");
  assert.equal((await untilEnded(executionId)).status, "succeeded");
  const step = await stepOf(executionId);
  const output = step.output as { decision: string; decisions: Row[] };
  assert.deepEqual([step.port, output.decision, output.decisions.length], ["expired", "expired", 1]);
  assert.ok(await stepOf(executionId, "expired"));
  assert.equal((await on.row(id)).status, "expired");
  assert.deepEqual(
    (await on.audit(id)).map(({ action, actor_id, details }) => [action, actor_id, details.nodeId]),
    [
      ["approval.decided", on.team.owner.userId, "ask"],
      ["approval.expired", null, "ask"],
    ],
  );
  assert.equal((await on.decide(on.team.editor, id)).body.code, "approval_expired");
});

test("past the deadline nobody decides, though no worker has looked yet", async () => {
  const { executionId, id } = await on.ask({ deadlineMs: 3_000 });
  await new Promise((resolve) => setTimeout(resolve, 3_100));
  assert.equal((await on.row(id)).status, "pending");
  assert.equal(await codeOf(id), "approval_expired");
  const [item] = await on.list(on.team.owner, `executionId=${executionId}`);
  assert.deepEqual([item?.status, item?.mayDecide], ["pending", false]);
  await untilEnded(executionId);
  assert.equal((await on.row(id)).status, "expired");
});

test("past the run's own limit no word is taken, though no worker has looked yet: on a parked effect neither", async () => {
  const settings = { timeoutMs: 60_000 };
  const ask = { type: "flow.approval", config: { message: "?" } };
  const executionId = await on.start("start>ask", { ask }, { settings });
  await on.settle();
  const [row] = await approvalsOf(executionId);
  const id = row?.id as string;
  await on.bed.admin.query(
    `update workflow_executions set started_at = started_at - interval '1 minute',
       available_at = available_at - interval '1 minute' where id = $1`,
    [executionId],
  );
  assert.equal(await codeOf(id), "execution_timed_out");
  const path = `/api/executions/${executionId}/steps/decide`;
  const body = { nodeId: "ask", decision: "skip" };
  const reply = await on.api.request("POST", path, { token: on.team.owner.token, body });
  assert.deepEqual([reply.status, reply.body.code], [409, "execution_timed_out"]);
  assert.deepEqual([(await on.row(id)).status, await on.audit(id)], ["pending", []]);
  const ended = await untilEnded(executionId);
  assert.deepEqual([ended.status, (ended.error as Row).code], ["failed", "timeout"]);
});

test("the node's own limit ends it too: it fails with `timeout`, its onError goes on, a retry asks anew", async () => {
  const failed = await on.ask({}, { timeoutMs: 1_000 });
  const ended = await untilEnded(failed.executionId);
  assert.deepEqual([ended.status, (ended.error as Row).code], ["failed", "timeout"]);
  assert.equal((await on.row(failed.id)).status, "expired");
  assert.deepEqual(
    (await on.audit(failed.id)).map((entry) => entry.action),
    ["approval.expired"],
  );

  // As a version of before that was refused at save.
  const handled = await on.ask({}, { timeoutMs: 1_000, onError: "continue" });
  assert.equal((await untilEnded(handled.executionId)).status, "succeeded");
  const ran = (await on.bed.steps(handled.executionId)).map((row) => row.node_id);
  assert.deepEqual(new Set(ran), new Set(["start", "ask"]), "nobody's word leads on");

  const retry = { maxAttempts: 2, backoffMs: 1 };
  const twice = await on.ask({}, { timeoutMs: 4_000, retry });
  const stop = on.keepRunning();
  let asked: Row[] = [];
  while (asked.length < 2) asked = await approvalsOf(twice.executionId);
  assert.deepEqual(
    asked.map((row) => [row.attempt, row.status]),
    [
      [1, "expired"],
      [2, "pending"],
    ],
  );
  assert.equal(await codeOf(twice.id), "approval_expired");
  assert.equal((await on.decide(on.team.owner, asked[1]?.id as string)).body.status, "approved");
  await stop();
  assert.equal((await untilEnded(twice.executionId)).status, "succeeded");
});

test("each pass of a loop asks for itself, with the words of its item", async () => {
  const executionId = await on.start("start>each each:item>ask ask:approved>kept ask:rejected>dropped", {
    each: { type: "flow.forEach", config: { items: ["a", "b", "c"], concurrency: 3 } },
    ask: { type: "flow.approval", config: { message: "Keep {{ item }}?" } },
    kept: { type: "data.transform", config: { value: "kept {{ item }}" } },
    dropped: { type: "data.transform", config: { value: "dropped {{ item }}" } },
  });
  await on.settle();
  const asked = await approvalsOf(executionId);
  assert.deepEqual(
    asked.map((row) => [row.iteration, row.message]),
    [
      ["0", "Keep a?"],
      ["1", "Keep b?"],
      ["2", "Keep c?"],
    ],
  );
  const words = ["approve", "reject", "approve"];
  for (const [n, decision] of words.entries()) {
    assert.equal((await on.decide(on.team.owner, asked[n]?.id as string, { decision })).status, 200);
    await on.settle();
  }
  const ended = await on.bed.execution(executionId);
  assert.deepEqual([ended.status, ended.output], ["succeeded", ["kept a", "dropped b", "kept c"]]);
});

test("a cancel, a failing branch and a run that takes too long end what was asked", async () => {
  const cancelled = await on.ask({ deadlineMs: 60_000 });
  await post(`/api/executions/${cancelled.executionId}/cancel`);
  const ask = { type: "flow.approval", config: { message: "Well?" } };
  const limit = { type: "flow.wait", config: { ms: 1_000 } };
  on.behaviours.bad = () => Promise.reject(new Error("broken"));
  const failed = await on.start("start>ask start>limit>bad", { ask, limit });
  assert.equal((await untilEnded(failed)).status, "failed");
  const late = await on.start("start>ask", { ask }, { settings: { timeoutMs: 1_000 } });
  assert.equal((await untilEnded(late)).status, "failed");
  for (const id of [cancelled.executionId, failed, late]) {
    const [row] = await approvalsOf(id);
    assert.equal(row?.status, "cancelled");
    assert.equal(await codeOf(row?.id as string), "approval_cancelled");
  }
});

test("while other branches run, an answer is taken down and found when they rest", async () => {
  let open = () => {};
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  on.behaviours.slow = () => held.then(() => "slow");
  const ask = { type: "flow.approval", config: { message: "Well?", deadlineMs: 2_000 } };
  const executionId = await on.start("start>ask start>slow", { ask });
  const stop = on.keepRunning();
  let asked: Row[] = [];
  while (asked.length === 0) asked = await approvalsOf(executionId);
  assert.equal((await on.bed.execution(executionId)).status, "running");
  assert.equal((await on.decide(on.team.owner, asked[0]?.id as string)).body.status, "approved");
  // Past the deadline in the worker that never read the answer: it asks before it says expired.
  await new Promise((resolve) => setTimeout(resolve, 2_200));
  open();
  await stop();
  await untilEnded(executionId);
  assert.equal((await stepOf(executionId)).port, "approved");
});

test("what people have said is the output, whatever its question would come to by now", async () => {
  const ask = { type: "flow.approval", config: { message: "Pay {{ nodes.sum }}?" } };
  const executionId = await on.start("start>sum>ask", {
    sum: { type: "data.transform", config: { value: 7 } },
    ask,
  });
  await on.settle();
  const [row] = await approvalsOf(executionId);
  // Past the trigger that keeps finished steps as they are.
  const { admin } = on.bed;
  await admin.query("set session_replication_role = replica");
  await admin.query("update execution_steps set output = null where execution_id = $1 and node_id = 'sum'", [
    executionId,
  ]);
  await admin.query("reset session_replication_role");
  await on.decide(on.team.owner, row?.id as string);
  await on.settle();
  const { status, output } = await on.bed.execution(executionId);
  assert.equal(status, "succeeded");
  assert.equal((output as Row).message, "Pay 7?");
});

test("S82: a word counts once: for the first retry, for no second one, and for no fork that does again what it led to", async () => {
  on.behaviours.approved = () => Promise.reject(new Error("no"));
  const { executionId, id } = await on.ask();
  await on.decide(on.team.owner, id);
  await on.settle();
  assert.equal((await on.bed.execution(executionId)).status, "failed");
  on.behaviours.approved = () => "paid";
  const first = (await post(`/api/executions/${executionId}/retry`)).id;
  const again = [
    (await post(`/api/executions/${executionId}/retry`)).id,
    (await post(`/api/executions/${executionId}/fork`, { fromNode: "approved" })).id,
  ];
  const other = (await post(`/api/executions/${executionId}/fork`, { fromNode: "approved", input: { n: 9 } }))
    .id;
  const anew = (await post(`/api/executions/${executionId}/fork`, { fromNode: "ask" })).id;
  await on.settle();
  assert.equal((await on.bed.execution(first)).output, "paid");
  assert.deepEqual(await approvalsOf(first), []);
  for (const copy of again) {
    assert.deepEqual(
      (await approvalsOf(copy)).map((row) => [row.message, row.status]),
      [["Pay 1?", "pending"]],
    );
  }
  assert.deepEqual(
    (await approvalsOf(other)).map((row) => [row.message, row.status]),
    [["Pay 9?", "pending"]],
  );
  assert.deepEqual(
    (await approvalsOf(anew)).map((row) => [row.message, row.status]),
    [["Pay 1?", "pending"]],
  );
});

test("what cannot be asked fails with its reason, and nobody is asked", async () => {
  for (const config of [
    { message: "{{ input.missing }}" },
    { message: "{{ input }}" },
    { message: "Pay?", approvers: ["{{ input.n }}"] },
  ]) {
    const executionId = await on.submit(config);
    await on.settle();
    const { status, error } = await on.bed.execution(executionId);
    assert.equal(status, "failed", JSON.stringify(config));
    assert.match((error as Row).code as string, /^invalid_(config|output)$/);
    assert.deepEqual(await approvalsOf(executionId), []);
  }
});

test("a sub-workflow asks in the name of the same person, and goes with its parent", async () => {
  const ask = { type: "flow.approval", config: { message: "Well?", excludeRequester: true } };
  const place = { userId: on.team.owner.userId, workspaceId: on.team.workspaceId };
  const workflowId = await on.bed.addWorkflow(place, draw("start>ask", { ask }));
  const sub = { type: "flow.subworkflow", config: { workflowId } };
  const asked = async (parent: string) => {
    const text = `select a.* from approvals a join workflow_executions e on e.id = a.execution_id where e.parent_id = $1`;
    return (await on.bed.admin.query(text, [parent])).rows[0] as Row;
  };
  const parents = [await on.start("start>sub", { sub }), await on.start("start>sub", { sub })];
  await on.settle();
  const [first, second] = [await asked(parents[0] as string), await asked(parents[1] as string)];
  assert.equal(await codeOf(first.id as string), "forbidden");
  assert.equal((await on.decide(on.team.editor, first.id as string)).body.status, "approved");
  await on.settle();
  assert.equal(((await on.bed.execution(parents[0] as string)).output as Row).decision, "approved");
  await post(`/api/executions/${parents[1]}/cancel`);
  await on.settle();
  assert.equal((await on.row(second.id as string)).status, "cancelled");
});

test("a sub-workflow asks none of those whose runs led to it, though these have expired", async () => {
  const ask = { type: "flow.approval", config: { message: "Well?", excludeRequester: true } };
  const place = { userId: on.team.owner.userId, workspaceId: on.team.workspaceId };
  const asking = await on.bed.addWorkflow(place, draw("start>ask", { ask }));
  const calling = await on.bed.addWorkflow(
    place,
    draw("start>sub", { sub: { type: "flow.subworkflow", config: { workflowId: asking } } }),
  );
  const hand = { type: "flow.subworkflow", config: { workflowId: calling } };
  const first = await on.start("start>sub", { sub: hand });
  const { owner, operator, editor } = on.team;
  await post(`/api/executions/${first}/cancel`);
  const call = { token: operator.token };
  const retried = await on.api.request<Row>("POST", `/api/executions/${first}/retry`, call);
  await on.bed.admin.query("delete from workflow_executions where id = $1", [first]);
  await on.settle();
  const text = `select a.id, a.excluded_user_ids from approvals a join workflow_executions e on e.id = a.execution_id
    join workflow_executions p on p.id = e.parent_id where p.parent_id = $1`;
  const [asked] = (await on.bed.admin.query(text, [retried.body.id])).rows as Row[];
  const excluded = asked?.excluded_user_ids as string[];
  assert.deepEqual(excluded.toSorted(), [owner.userId, operator.userId].toSorted());
  assert.equal((await on.decide(editor, asked?.id as string)).body.status, "approved");
});

test("whoever has a schedule run by hand does not sign what it asks, though it runs in another's name", async () => {
  const ask = { type: "flow.approval", config: { message: "Well?", excludeRequester: true } };
  const place = { userId: on.team.owner.userId, workspaceId: on.team.workspaceId };
  const workflowId = await on.bed.addWorkflow(place, draw("start>ask", { ask }));
  const { owner, operator, editor } = on.team;
  const call = (person: { token: string }, path: string, body?: Row) =>
    on.api.request<Row>("POST", `/api/schedules${path}`, { token: person.token, body });
  const made = await call(owner, "", { workflowId, cron: "0 0 1 1 *" });
  const started = await call(operator, `/${made.body.id}/trigger`);
  await on.settle();
  const text = "select id, excluded_user_ids from approvals where execution_id = $1";
  const [asked] = (await on.bed.admin.query(text, [started.body.executionId])).rows as Row[];
  const excluded = asked?.excluded_user_ids as string[];
  assert.deepEqual(excluded.toSorted(), [owner.userId, operator.userId].toSorted());
  const id = asked?.id as string;
  for (const person of [owner, operator]) assert.equal((await on.decide(person, id)).body.code, "forbidden");
  assert.equal((await on.decide(editor, id)).body.status, "approved");
});
