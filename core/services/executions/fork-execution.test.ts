// Forks through the service: from any ended execution, with another input or version, under new keys but for doubts.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, type Row, stepOf } from "../../../test/support/executions.ts";
import { chain } from "../../../test/support/workflows.ts";
import type { Actor } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import { writeJournal } from "../../persistence/executions/write-journal.ts";
import { createExecutionQueue, type ExecutionQueue } from "../../queue/execution-queue.ts";
import { type ForkOptions, forkExecution } from "./fork-execution.ts";
import { createBacklogGuard } from "./guard-backlogs.ts";

type Person = Awaited<ReturnType<ExecutionBed["addPerson"]>>;

let bed: ExecutionBed;
let api: Database;
let worker: Database;
let queue: ExecutionQueue;
let ada: Person;

before(async () => {
  bed = await createExecutionBed();
  api = bed.open("atelier_api", 6);
  worker = bed.open("atelier_worker");
  queue = createExecutionQueue({ kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_api" });
  ada = await bed.addPerson();
});
after(async () => {
  await queue?.close();
  await bed?.close();
});

const node = (id: string, value: unknown) => ({ id, type: "data.transform", config: { value } });
const GRAPH = chain(node("a", 1), node("b", 2), node("c", 3));
const keyed = { effect: "idempotent" as const, nodeType: "http.request" };
const STEPS = [
  stepOf("start", { seq: 1, nodeType: "trigger.manual" }),
  stepOf("a", { seq: 2, output: 1, ...keyed, idempotencyKey: "key of a" }),
  stepOf("b", { seq: 3, output: 2, ...keyed, idempotencyKey: "key of b" }),
  stepOf("c", { seq: 4, output: 3, ...keyed, idempotencyKey: "key of c" }),
];

async function addEnded(
  to: "succeeded" | "failed" | "cancelled" = "succeeded",
  { columns = {}, steps = STEPS }: { columns?: Row; steps?: typeof STEPS } = {},
) {
  const workflow_id = await bed.addWorkflow(ada, GRAPH);
  const place = { workspace_id: ada.workspaceId, workflow_id, status: "running", fence: 1 };
  const id = await bed.addExecution({ ...place, input: '{"n":1}', priority: 6, ...columns });
  await writeJournal(worker, [{ executionId: id, fence: 1, steps, move: { to, output: 3 } }]);
  return id;
}
const fork = (id: string, options: ForkOptions, actor: Actor = ada) =>
  forkExecution(
    { database: api, queue, backlogs: createBacklogGuard(100_000), onRingFailed: () => {} },
    actor,
    id,
    options,
  );
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "allowed",
    (error: { code: string; message: string }) => error.code,
  );
const stepsOf = async (id: string) =>
  (await bed.steps(id)).map((row) => [row.node_id, row.status, row.output, row.copied_from]);
async function addVersion(workflowId: unknown, graph: unknown) {
  await bed.admin.query(
    `insert into workflow_versions (workflow_id, workspace_id, version, content_hash, graph, created_by)
     values ($1, $2, 2, $3, $4, $5)`,
    [workflowId, ada.workspaceId, Buffer.alloc(32, 2), JSON.stringify(graph), ada.userId],
  );
}

for (const status of ["succeeded", "failed", "cancelled"] as const) {
  test(`a ${status} execution is forked: same version and input, what is before the node copied, the rest to run`, async () => {
    const old = await addEnded(status);
    const made = await fork(old, { fromNode: "b" });
    assert.equal(made.forkOf, old);
    const [before, row] = [await bed.execution(old), await bed.execution(made.id)];
    assert.deepEqual(
      [row.status, row.fork_of, row.retry_of, row.root_id, row.input, row.priority, row.user_id],
      ["queued", old, null, made.id, { n: 1 }, 6, ada.userId],
    );
    assert.deepEqual([row.workflow_id, row.version], [before.workflow_id, before.version]);
    assert.deepEqual(await stepsOf(made.id), [
      ["start", "succeeded", null, old],
      ["a", "succeeded", 1, old],
    ]);
    const { rows } = await bed.admin.query("select action, details from audit_logs where target_id = $1", [
      made.id,
    ]);
    const details = { forkOf: old, fromNode: "b", version: 1, inputChanged: false };
    assert.deepEqual(rows, [{ action: "execution.forked", details }]);
    while ((await queue.find([{ executionId: made.id, wake: 0, band: 0 }]))[0] !== "waiting");
  });
}

test("a fork starts at the trigger the old one started at, and is no other kind of run than it was", async () => {
  const columns = { trigger_node: "start", trigger_type: "webhook", trigger: '{"hook":1}' };
  const old = await addEnded("failed", { columns });
  const row = await bed.execution((await fork(old, { fromNode: "b" })).id);
  assert.deepEqual([row.trigger_node, row.trigger_type, row.trigger], ["start", "webhook", { hook: 1 }]);
  const { workflow_id } = await bed.execution(old);
  const hook = { ...GRAPH.nodes[0], id: "other" };
  await addVersion(workflow_id, { ...GRAPH, nodes: [...GRAPH.nodes, hook] });
  const elsewhere = await addEnded("failed", { columns: { workflow_id, trigger_node: "other" } });
  await assert.rejects(fork(elsewhere, { fromNode: "b", version: 2 }), {
    code: "invalid_fork",
    message: "Nothing leads from the trigger other to b",
  });
  assert.equal(await codeOf(fork(elsewhere, { fromNode: "other", version: 2 })), "allowed");
});

test("another input is the fork's own; null is one; what is copied stays as it was", async () => {
  const old = await addEnded();
  for (const value of [{ n: 2 }, null, 0, [1]]) {
    const { id } = await fork(old, { fromNode: "c", input: { value } });
    assert.deepEqual((await bed.execution(id)).input, value);
    assert.equal((await stepsOf(id)).length, 3);
  }
  assert.deepEqual((await bed.execution(old)).input, { n: 1 });
});

test("on another version what is the same is copied, its labels are added, and a version without the node is refused", async () => {
  const old = await addEnded("failed", { columns: { labels: "{phi}" } });
  const { workflow_id } = await bed.execution(old);
  const graph = chain(node("a", 1), node("b", "changed"), node("d", 4));
  await addVersion(workflow_id, { ...graph, settings: { labels: ["pii"] } });
  const { id } = await fork(old, { fromNode: "d", version: 2 });
  const row = await bed.execution(id);
  assert.deepEqual([row.version, row.labels], [2, ["phi", "pii"]]);
  assert.deepEqual(
    (await stepsOf(id)).map(([nodeId]) => nodeId),
    ["start", "a"],
  );
  await assert.rejects(fork(old, { fromNode: "c", version: 2 }), {
    code: "invalid_fork",
    problems: [{ path: "fromNode", message: "This version has no node c" }],
  });
  assert.equal(await codeOf(fork(old, { fromNode: "a", version: 9 })), "not_found");
});

test("an effect in doubt keeps its key wherever it stands, one with an answer gets a new one", async () => {
  const error = (retryable: boolean) => ({ code: "x", message: "y", retryable });
  const steps = [
    ...STEPS.slice(0, 2),
    stepOf("b", { ...keyed, seq: 3, status: "failed", idempotencyKey: "key of b", error: error(true) }),
    stepOf("c", { ...keyed, seq: 4, status: "failed", idempotencyKey: "key of c", error: error(false) }),
  ];
  const old = await addEnded("failed", { steps });
  for (const fromNode of ["b", "c", "start"]) {
    const { id } = await fork(old, { fromNode });
    const doubt = (await bed.steps(id)).filter((row) => row.status !== "succeeded");
    assert.deepEqual(
      doubt.map((row) => [row.node_id, row.status, row.idempotency_key, row.effect]),
      [["b", "running", "key of b", "idempotent"]],
      fromNode,
    );
  }
});

test("what has not ended is a conflict, an archived workflow and a foreign execution are not found, viewers may not", async () => {
  const workflow_id = await bed.addWorkflow(ada, GRAPH);
  for (const status of ["queued", "running", "waiting"]) {
    const id = await bed.addExecution({ workspace_id: ada.workspaceId, workflow_id, status });
    assert.equal(await codeOf(fork(id, { fromNode: "a" })), "conflict", status);
  }
  const old = await addEnded();
  assert.equal(await codeOf(fork(old, { fromNode: "a" }, await bed.addPerson())), "not_found");
  assert.equal(await codeOf(fork(uuidv7(), { fromNode: "a" })), "not_found");
  const viewer = await bed.addPerson("viewer", ada.workspaceId);
  assert.equal(await codeOf(fork(old, { fromNode: "a" }, viewer)), "forbidden");
  const file = { value: { $file: uuidv7() } };
  assert.equal(await codeOf(fork(old, { fromNode: "a", input: file })), "not_found");
  await bed.admin.query("update workflows set archived_at = now() where id = $1", [
    (await bed.execution(old)).workflow_id,
  ]);
  assert.equal(await codeOf(fork(old, { fromNode: "a" })), "not_found");
});
