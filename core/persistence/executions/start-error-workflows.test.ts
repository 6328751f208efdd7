// Error workflows: started by whatever fails an execution, in its commit, once, and never for an error's own sake.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, type Row, stepOf } from "../../../test/support/executions.ts";
import type { Database } from "../database.ts";
import { claimExecutions } from "./claim-executions.ts";
import { reapExecutions } from "./leases.ts";
import { findUnheard } from "./rings.ts";
import type { GoneErrorWorkflow } from "./start-error-workflows.ts";
import { writeJournal } from "./write-journal.ts";

type Person = Awaited<ReturnType<ExecutionBed["addPerson"]>>;

let bed: ExecutionBed;
let worker: Database;
let scheduler: Database;
let ada: Person;

before(async () => {
  bed = await createExecutionBed();
  worker = bed.open("atelier_worker", 6);
  scheduler = bed.open("atelier_scheduler");
  ada = await bed.addPerson();
});
after(() => bed?.close());

const graph = (errorWorkflowId?: string) => ({
  nodes: [{ id: "start", type: "trigger.manual" }],
  edges: [],
  settings: { errorWorkflowId },
});
const error = { code: "http_error", message: "it was down", nodeId: "call" };
const failed = { to: "failed" as const, error };
const reap = () => reapExecutions(scheduler, { maxCrashes: 3, limit: 100, silentMs: 8_000 });

async function addRunning(errorWorkflowId: string | undefined, columns: Row = {}, person = ada) {
  const workflow_id = await bed.addWorkflow(person, graph(errorWorkflowId));
  const place = { workspace_id: person.workspaceId, user_id: person.userId, workflow_id };
  const lease = { status: "running", fence: 1, lease_owner: uuidv7(), lease_until: "2000-01-01" };
  return bed.addExecution({ ...place, ...lease, ...columns });
}
const startedFor = async (id: string): Promise<Row[]> =>
  (
    await bed.admin.query(
      "select * from workflow_executions where trigger_type = 'error' and input ->> 'executionId' = $1",
      [id],
    )
  ).rows;
async function fail(id: string, given: Partial<{ fence: number; to: "failed" | "succeeded" }> = {}) {
  const gone: GoneErrorWorkflow[] = [];
  const { fence = 1, to = "failed" } = given;
  const write = { executionId: id, fence, steps: [stepOf("a")], move: { ...failed, to } };
  await writeJournal(worker, [write], (one) => gone.push(one));
  return gone;
}

test("a failed execution starts its error workflow: current version, acting as the same person, with what went wrong", async () => {
  const handler = await bed.addWorkflow(ada, { ...graph(), settings: { labels: ["pii"] } });
  const id = await addRunning(handler, { priority: 4, band: 18, labels: "{phi}" });
  assert.deepEqual(await fail(id), []);
  const [row, ...more] = await startedFor(id);
  const { workflow_id } = await bed.execution(id);
  assert.equal(more.length, 0);
  assert.deepEqual(row?.input, { executionId: id, workflowId: workflow_id, version: 1, error });
  const { status, trigger, priority, band, labels, fence, depth } = row ?? {};
  assert.deepEqual([row?.workflow_id, row?.version, row?.user_id], [handler, 1, ada.userId]);
  assert.deepEqual(
    { status, trigger, priority, band, labels, fence, depth },
    {
      band: 18,
      status: "queued",
      trigger: { executionId: id },
      priority: 4,
      labels: ["phi", "pii"],
      fence: 0,
      depth: 0,
    },
  );
  assert.equal(row?.root_id, row?.id);
  // Never rung, it is the next pass that finds it; its id is of now, so that it lies in this month's partition.
  const unheard = await findUnheard(scheduler, { quietMs: 3_000, limit: 100 });
  assert.ok(unheard.some((due) => due.id === row?.id));
  const age = Date.now() - Number.parseInt(String(row?.id).replaceAll("-", "").slice(0, 12), 16);
  assert.ok(Math.abs(age) < 3_600_000 && /^.{14}7.{4}[89ab]/.test(String(row?.id)), String(row?.id));
});

test("whoever stands behind what failed stands behind its error workflow, whoever ends it", async () => {
  const handler = await bed.addWorkflow(ada);
  const [editor, asker] = [uuidv7(), uuidv7()];
  const behind = { people_behind: `{${editor}}`, trigger_type: "schedule", trigger: { startedBy: asker } };
  const [id, lost] = [
    await addRunning(handler, behind),
    await addRunning(handler, { ...behind, crash_count: 2 }),
  ];
  const plain = await addRunning(handler);
  await fail(id);
  await fail(plain);
  await reap();
  for (const one of [id, lost]) {
    const [row] = await startedFor(one);
    assert.deepEqual([row?.user_id, row?.people_behind], [ada.userId, [editor, asker]]);
  }
  assert.deepEqual((await startedFor(plain))[0]?.people_behind, []);
});

test("many in one batch: each failed one starts its own, the others and those of a stale fence start nothing", async () => {
  const handlers = [await bed.addWorkflow(ada), await bed.addWorkflow(ada)];
  const ids = await Promise.all(
    [handlers[0], handlers[1], handlers[0], undefined, handlers[0]].map((id) => addRunning(id)),
  );
  const moves = [failed, failed, { to: "succeeded" as const }, failed, failed];
  await writeJournal(
    worker,
    ids.map((id, n) => ({
      executionId: id,
      fence: n === 4 ? 9 : 1,
      steps: [],
      ...(moves[n] && { move: moves[n] }),
    })),
  );
  const started = await Promise.all(ids.map((id) => startedFor(id)));
  assert.deepEqual(
    started.map((rows) => rows.map((row) => row.workflow_id)),
    [[handlers[0]], [handlers[1]], [], [], []],
  );
});

test("whoever fails it twice, or at once, starts it once", async () => {
  const id = await addRunning(await bed.addWorkflow(ada), { crash_count: 2 });
  await Promise.all([fail(id), fail(id), reap(), fail(id), reap()]);
  assert.equal((await bed.execution(id)).status, "failed");
  assert.equal((await startedFor(id)).length, 1);
});

test("the reaper's worker_lost starts it too, what the reaper queues again does not", async () => {
  const handler = await bed.addWorkflow(ada);
  const [lost, again] = [await addRunning(handler, { crash_count: 2 }), await addRunning(handler)];
  await reap();
  const [row] = await startedFor(lost);
  assert.match(JSON.stringify(row?.input), /"error":\{"code":"worker_lost"/);
  assert.deepEqual(await startedFor(again), []);
});

test("what runs because of an error starts nothing when it fails: not itself, not another, not by its children", async () => {
  const handler = await bed.addWorkflow(ada);
  const one = await addRunning(handler, { trigger_type: "error" });
  const child = await addRunning(handler, { trigger_type: "subworkflow", parent_id: one });
  const grandchild = await addRunning(handler, { trigger_type: "subworkflow", parent_id: child });
  for (const id of [one, child, grandchild]) {
    assert.deepEqual(await fail(id), []);
    assert.deepEqual(await startedFor(id), []);
  }
  const parent = await addRunning(undefined);
  const innocent = await addRunning(handler, { trigger_type: "subworkflow", parent_id: parent });
  await fail(innocent);
  assert.equal((await startedFor(innocent)).length, 1);
});

test("an archived, deleted or foreign error workflow starts nothing, fails nothing, and is told of once", async () => {
  const eve = await bed.addPerson();
  const archived = await bed.addWorkflow(ada);
  await bed.admin.query("update workflows set archived_at = now() where id = $1", [archived]);
  for (const handler of [archived, uuidv7(), "no id", await bed.addWorkflow(eve)]) {
    const id = await addRunning(handler);
    assert.deepEqual(await fail(id), [{ executionId: id, errorWorkflowId: handler }]);
    assert.deepEqual(await fail(id), []);
    assert.equal((await bed.execution(id)).status, "failed");
    assert.deepEqual(await startedFor(id), []);
    const lost = await addRunning(handler, { crash_count: 2 });
    const reaped = (await reap()).find((row) => row.id === lost);
    assert.equal(reaped?.goneErrorWorkflowId, handler);
  }
});

test("neither success nor cancel nor a hand-back starts one", async () => {
  const handler = await bed.addWorkflow(ada);
  for (const to of ["succeeded", "cancelled", "queued", "waiting"] as const) {
    const id = await addRunning(handler);
    const end = { executionId: id, fence: 1, steps: [], move: { to } };
    const other = { executionId: await addRunning(undefined), fence: 1, steps: [], move: failed };
    await writeJournal(worker, [end, other]);
    assert.deepEqual([(await bed.execution(id)).status, await startedFor(id)], [to, []]);
  }
});

test("what was started is claimed like any other", async () => {
  const id = await addRunning(await bed.addWorkflow(ada));
  await fail(id);
  const [row] = await startedFor(id);
  const claim = { ids: [String(row?.id)], owner: uuidv7(), leaseMs: 8_000, crashesBelow: 2 };
  const [claimed] = await claimExecutions(worker, claim);
  assert.deepEqual([claimed?.triggerType, claimed?.triggerNode, claimed?.hasHistory], ["error", null, false]);
});
