// Sub-workflows by a worker in this process, over a real database: their inputs and ends, retries, rights and depth.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionQueue, type ExecutionQueue } from "#core/queue/execution-queue.ts";
import { type Behaviour, closeEvaluator, draw } from "../test/support/engine.ts";
import { createExecutionBed, type ExecutionBed, type Row } from "../test/support/executions.ts";
import { createInlineWorker } from "../test/support/inline-worker.ts";

let bed: ExecutionBed;
let queue: ExecutionQueue;
let person: { userId: string; workspaceId: string };
const behaviours: Record<string, Behaviour> = {};

before(async () => {
  bed = await createExecutionBed();
  queue = createExecutionQueue({ kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_worker" });
  person = await bed.addPerson();
});
after(async () => {
  await queue?.close();
  await closeEvaluator();
  await bed?.close();
});

/** Runs the execution and all its descendants until nothing is queued any more; returns it. */
async function runFamily(id: string): Promise<Row> {
  const { runQueued } = createInlineWorker({ bed, queue, behaviours });
  while ((await runQueued("all")) > 0);
  return bed.execution(id);
}

const sub = (workflowId: string, data: Record<string, unknown> = {}, config: Row = {}) => ({
  type: "flow.subworkflow",
  config: { workflowId, input: { n: "{{ input.n }}" }, ...config },
  ...data,
});

async function start(workflow_id: string, columns: Row = {}): Promise<string> {
  const { workspaceId: workspace_id, userId: user_id } = person;
  return bed.addExecution({ workflow_id, workspace_id, user_id, input: { n: 20 }, ...columns });
}

async function childrenOf(id: string): Promise<Row[]> {
  const text = "select * from workflow_executions where parent_id = $1 order by id";
  return (await bed.admin.query(text, [id])).rows as Row[];
}

const doubles = draw("start>double", {
  double: { type: "data.transform", config: { value: "{{ input.n * 2 }}" } },
});

test("the child's output is the node's; it runs with its own input, in the same workspace, and is in the audit log", async () => {
  const child = await bed.addWorkflow(person, doubles);
  const parent = await bed.addWorkflow(person, draw("start>sub>after", { sub: sub(child) }));
  behaviours.after = ({ incoming }) => incoming[0]?.output;
  const ended = await runFamily(await start(parent));
  assert.equal(ended.status, "succeeded", JSON.stringify(ended.error));
  assert.equal(ended.output, 40);
  const [made] = await childrenOf(ended.id as string);
  assert.deepEqual(made?.input, { n: 20 });
  assert.equal(made?.trigger_type, "subworkflow");
  const { rows } = await bed.admin.query(
    "select action, actor_id, details from audit_logs where target_id = $1",
    [made?.id],
  );
  assert.equal(rows.length, 1);
  assert.equal(rows[0].action, "execution.submitted");
  assert.equal(rows[0].actor_id, person.userId);
  assert.equal(rows[0].details.parentId, ended.id);
});

test("sub-workflows in parallel branches and in a loop's body each have their own execution", async () => {
  const child = await bed.addWorkflow(person, doubles);
  const graph = draw("start>a start>each each:item>b", {
    a: sub(child),
    each: { type: "flow.forEach", config: { items: [1, 2, 3], concurrency: 2 } },
    b: sub(child, {}, { input: { n: "{{ item }}" } }),
  });
  const ended = await runFamily(await start(await bed.addWorkflow(person, graph)));
  assert.equal(ended.status, "succeeded", JSON.stringify(ended.error));
  assert.deepEqual(ended.output, { a: 40, each: [2, 4, 6] });
  const made = await childrenOf(ended.id as string);
  assert.deepEqual(made.map((row) => `${row.parent_node}[${row.parent_iteration}]`).sort(), [
    "a[]",
    "b[0]",
    "b[1]",
    "b[2]",
  ]);
});

test("a child's failure fails the node with the child and its error; a retry makes a new child with the same keys", async () => {
  const keys: string[] = [];
  behaviours.call = ({ idempotencyKey }) => {
    keys.push(idempotencyKey);
    if (keys.length < 3) throw new Error("no luck");
    return "done";
  };
  const child = await bed.addWorkflow(person, draw("start>call", { call: { type: "test.idempotent" } }));
  const once = await runFamily(
    await start(await bed.addWorkflow(person, draw("start>sub", { sub: sub(child) }))),
  );
  assert.equal(once.status, "failed");
  const error = once.error as {
    code: string;
    nodeId: string;
    details: { childId: string; error: { code: string } };
  };
  assert.equal(error.code, "child_failed");
  assert.equal(error.nodeId, "sub");
  assert.equal(error.details.childId, (await childrenOf(once.id as string))[0]?.id);
  assert.equal(error.details.error.code, "node_failed");

  const retry = { maxAttempts: 3, backoffMs: 0, maxBackoffMs: 0 };
  const again = await runFamily(
    await start(await bed.addWorkflow(person, draw("start>sub", { sub: sub(child, { retry }) }))),
  );
  assert.equal(again.status, "succeeded", JSON.stringify(again.error));
  const made = await childrenOf(again.id as string);
  assert.deepEqual(
    made.map((row) => row.status),
    ["failed", "succeeded"],
  );
  assert.equal(keys.length, 3);
  assert.equal(keys[1], keys[2], "attempts of one node share the keys of their effects");
  assert.notEqual(keys[0], keys[1], "another execution has its own");
});

test("a cancelled child fails the node and is not tried again; onError applies", async () => {
  const child = await bed.addWorkflow(
    person,
    draw("start>pause", { pause: { type: "flow.wait", config: { ms: 3_600_000 } } }),
  );
  const graph = draw("start>sub sub:error>handled", {
    sub: sub(child, { onError: "error", retry: { maxAttempts: 3, backoffMs: 0, maxBackoffMs: 0 } }),
  });
  behaviours.handled = ({ incoming }) => incoming[0]?.output;
  const id = await start(await bed.addWorkflow(person, graph));
  assert.equal((await runFamily(id)).status, "waiting");
  const [made] = await childrenOf(id);
  assert.equal(made?.status, "waiting");
  await bed.admin.query("select cancel_execution($1, null)", [made?.id]);
  const ended = await runFamily(id);
  assert.equal(ended.status, "succeeded");
  assert.equal((ended.output as { error: { code: string } }).error.code, "child_failed");
  assert.equal((await childrenOf(id)).length, 1);
});

test("a foreign or archived workflow, a missing version, and a person who may not run any more are refused", async () => {
  const stranger = await bed.addPerson();
  const foreign = await bed.addWorkflow(stranger, doubles);
  const own = await bed.addWorkflow(person, doubles);
  const codeOf = async (columns: Row, ...[workflowId, config]: [string, Row?]) => {
    const parent = await bed.addWorkflow(person, draw("start>sub", { sub: sub(workflowId, {}, config) }));
    const ended = await runFamily(await start(parent, columns));
    assert.equal((await childrenOf(ended.id as string)).length, 0);
    return (ended.error as { code: string }).code;
  };
  assert.equal(await codeOf({}, foreign), "not_found");
  assert.equal(await codeOf({}, own, { version: 2 }), "not_found");
  const viewer = await bed.addPerson("viewer", person.workspaceId);
  assert.equal(await codeOf({ user_id: viewer.userId }, own), "forbidden");
  assert.equal(await codeOf({ user_id: stranger.userId }, own), "forbidden");
  const ended = await bed.addPerson("editor", person.workspaceId);
  const past = "update workspace_members set expires_at = now() - interval '1 s' where user_id = $1";
  await bed.admin.query(past, [ended.userId]);
  assert.equal(await codeOf({ user_id: ended.userId }, own), "forbidden");
  await bed.admin.query("update workflows set archived_at = now() where id = $1", [own]);
  assert.equal(await codeOf({}, own), "not_found");
});

test("a workflow that calls itself without end stops at 16, and everything above fails with it", async () => {
  const id = await bed.addWorkflow(person, draw("start>sub", { sub: sub(uuidv7()) }));
  const graph = JSON.stringify(draw("start>sub", { sub: sub(id) }));
  await bed.admin.query("alter table workflow_versions disable trigger user");
  await bed.admin.query("update workflow_versions set graph = $1 where workflow_id = $2", [graph, id]);
  await bed.admin.query("alter table workflow_versions enable trigger user");
  const ended = await runFamily(await start(id));
  assert.equal(ended.status, "failed");
  const { rows } = await bed.admin.query(
    "select depth, status, error from workflow_executions where workflow_id = $1 order by depth",
    [id],
  );
  assert.deepEqual(
    rows.map((row) => row.depth),
    Array.from({ length: 17 }, (_, depth) => depth),
  );
  assert.ok(rows.every((row) => row.status === "failed"));
  assert.equal(rows[16].error.code, "too_deep");
  assert.equal(rows[15].error.code, "child_failed");
});
