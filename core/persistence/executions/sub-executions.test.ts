// Parents and children against PostgreSQL: made with the step, ends that wake, cancels that reach, and their races.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, type Row, stepOf } from "../../../test/support/executions.ts";
import type { ChildStart, JournalWrite, StepRecord } from "../../domain/journal.ts";
import type { Database } from "../database.ts";
import { cancelExecution } from "./executions.ts";
import { reapExecutions } from "./leases.ts";
import { loadSmallJournal } from "./load-steps.ts";
import { listCancels, passOnCancel, passOnWakes } from "./pending-moves.ts";
import { wakeDue } from "./wake-executions.ts";
import { writeJournal } from "./write-journal.ts";

const RACES = 200;
let bed: ExecutionBed;
let worker: Database;
let other: Database;
let scheduler: Database;
let api: Database;
let person: { userId: string; workspaceId: string };

before(async () => {
  bed = await createExecutionBed();
  worker = bed.open("atelier_worker");
  other = bed.open("atelier_worker");
  scheduler = bed.open("atelier_scheduler");
  api = bed.open("atelier_api");
  person = await bed.addPerson();
});
after(() => bed?.close());

const claimed = { status: "running", fence: 1, lease_owner: uuidv7(), lease_until: "2100-01-01" };
const add = (columns: Row) => bed.addExecution({ workspace_id: person.workspaceId, ...columns });
const write = (executionId: string, given: Partial<JournalWrite>): JournalWrite => ({
  executionId,
  fence: 1,
  steps: [],
  ...given,
});
const succeeds = (id: string) => write(id, { move: { to: "succeeded", output: { n: 1 } } });
const parks = (id: string, wake = 0) => write(id, { move: { to: "waiting", availableAt: null, wake } });

function waitsFor(childId: string, given: Partial<StepRecord> = {}): StepRecord {
  const state = { childId };
  return stepOf("sub", { status: "waiting", effect: "idempotent", finishedAt: null, state, ...given });
}

function childOf(id: string): ChildStart {
  const { userId, workspaceId } = person;
  const start = { workflowId: uuidv7(), version: 3, input: { a: [1, null] }, rootId: uuidv7() };
  return { id, ...start, execution: { userId, workspaceId, priority: 4, band: 2 } };
}

/** A parent in `state` and its child that runs, as the journal leaves them. */
async function addFamily(state: "running" | "waiting"): Promise<{ parent: string; child: string }> {
  const parent = await add({ ...claimed, user_id: person.userId, priority: 4 });
  const child = uuidv7();
  const steps = [waitsFor(child, { child: childOf(child) })];
  await writeJournal(worker, [write(parent, { steps })]);
  const run =
    "update workflow_executions set status = 'running', fence = 1, lease_until = '2100-01-01' where id = $1";
  await bed.admin.query(run, [child]);
  if (state === "waiting") await writeJournal(worker, [parks(parent)]);
  return { parent, child };
}

/** What a pass of recovery does, without a look at the clock. */
async function passOn(): Promise<void> {
  await passOnWakes(scheduler, 100);
  for (const id of await listCancels(scheduler, { limit: 100 })) await passOnCancel(scheduler, id);
}

const cancel = (id: string) =>
  api.transaction({ userId: person.userId, workspaceIds: [person.workspaceId] }, (tx) =>
    cancelExecution(tx, id, person.userId),
  );
const statusOf = async (id: string) => (await bed.execution(id)).status;

test("a child is made in its parent's name with the step that waits for it, and only once", async () => {
  const parent = await add({ ...claimed, user_id: person.userId, priority: 4, labels: ["phi"], depth: 2 });
  const child = uuidv7();
  const start = childOf(child);
  const first = write(parent, { steps: [waitsFor(child, { iteration: "3", child: start })] });
  const { queued } = await writeJournal(worker, [first]);
  assert.deepEqual(queued, [{ id: child, wake: 0, priority: 4, band: 2 }]);
  const row = await bed.execution(child);
  const { workspaceId: workspace_id, userId: user_id } = person;
  const wanted = {
    workspace_id,
    user_id,
    parent_id: parent,
    parent_node: "sub",
    parent_iteration: "3",
    depth: 3,
  };
  const more = { version: 3, status: "queued", priority: 4, labels: ["phi"], root_id: start.rootId };
  for (const [name, value] of Object.entries({ ...wanted, ...more }))
    assert.deepEqual(row[name], value, name);
  assert.deepEqual(row.input, { a: [1, null] });

  const twin = uuidv7();
  await writeJournal(worker, [first]);
  await writeJournal(worker, [
    write(parent, { steps: [waitsFor(twin, { iteration: "3", child: childOf(twin) })] }),
  ]);
  const { rows } = await bed.admin.query(
    "select id from workflow_executions where parent_id = $1 order by id",
    [parent],
  );
  assert.deepEqual(rows, [{ id: child }]);
  assert.deepEqual((await bed.steps(parent))[0]?.state, { childId: child });
  const stale = write(parent, { fence: 7, steps: [waitsFor(twin, { child: childOf(twin) })] });
  await writeJournal(worker, [stale]);
  assert.deepEqual(await bed.execution(twin), {}, "a stale fence makes nothing");
});

test("a child's end wakes its parent and is its step's answer, whoever writes the end", async () => {
  const ends: Record<string, (child: string) => Promise<unknown>> = {
    succeeded: (child) => writeJournal(worker, [succeeds(child)]),
    failed: (child) =>
      writeJournal(worker, [write(child, { move: { to: "failed", error: { code: "bad", message: "m" } } })]),
    cancelled: async (child) => {
      await cancel(child);
      await writeJournal(worker, [write(child, { move: { to: "cancelled", error: null } })]);
    },
    poison: async (child) => {
      const lost = "update workflow_executions set lease_until = '2000-01-01', crash_count = 2 where id = $1";
      await bed.admin.query(lost, [child]);
      await reapExecutions(scheduler, { maxCrashes: 3, limit: 10, silentMs: 8_000 });
    },
    "cancelled while it waits": async (child) => {
      await writeJournal(worker, [parks(child)]);
      await cancel(child);
    },
  };
  for (const [name, end] of Object.entries(ends)) {
    const { parent, child } = await addFamily("waiting");
    await end(child);
    const row = await bed.execution(parent);
    assert.equal(row.status, "queued", name);
    assert.equal(row.wake, 1, name);
    const [step] = (await loadSmallJournal(worker, parent)) ?? [];
    const answer = step?.state?.answer as { status: string } | undefined;
    assert.equal(answer?.status, await statusOf(child), name);
  }
});

test("a failed child's end says whether something that must not be repeated has gone out in it", async () => {
  for (const effect of ["effectful", "idempotent"] as const) {
    const { parent, child } = await addFamily("waiting");
    const steps = [stepOf("pay", { effect, idempotencyKey: "k" })];
    await writeJournal(worker, [write(child, { steps, move: { to: "failed", error: null } })]);
    const [step] = (await loadSmallJournal(worker, parent)) ?? [];
    const answer = step?.state?.answer as { hasSentOnce?: boolean };
    assert.equal(answer.hasSentOnce, effect === "effectful");
  }
});

test("a cancel, a failure and a poisoned end reach children of children, and those that wait at once", async () => {
  const ends = [
    (id: string) => cancel(id),
    (id: string) => writeJournal(worker, [write(id, { move: { to: "failed", error: null } })]),
  ];
  for (const end of ends) {
    const { parent, child } = await addFamily("running");
    const grandchild = uuidv7();
    await writeJournal(worker, [
      write(child, { steps: [waitsFor(grandchild, { child: childOf(grandchild) })] }),
    ]);
    await end(parent);
    const running = await bed.execution(child);
    assert.equal(running.status, "running");
    assert.ok(running.cancel_requested_at, "its worker hears it with the next renewal");
    assert.equal(await statusOf(grandchild), "cancelled");
  }
  const { parent, child } = await addFamily("waiting");
  await writeJournal(worker, [parks(child)]);
  assert.equal(await cancel(parent), "cancelled");
  const ended = await bed.execution(child);
  assert.equal(ended.status, "cancelled");
  assert.equal(ended.cancel_requested_by, person.userId);
  assert.deepEqual(
    (await bed.steps(parent)).map((step) => step.status),
    ["cancelled"],
  );
});

test("a transaction cancels 200 descendants, and the passes after it all others, at any depth", async () => {
  const parent = await add({ user_id: person.userId, status: "waiting", available_at: "infinity" });
  await bed.addChildren(parent, 300);
  const [first] = (
    await bed.admin.query("select id from workflow_executions where parent_id = $1 order by id", [parent])
  ).rows;
  await bed.addChildren(first.id, 250);
  const livesOf = async () => {
    const { rows } = await bed.admin.query(
      `select count(*)::int from workflow_executions
       where parent_id = any($1) and status in ('queued', 'running', 'waiting')`,
      [[parent, first.id]],
    );
    return rows[0].count;
  };
  assert.equal(await cancel(parent), "cancelled");
  assert.equal(await livesOf(), 350);
  const reached: unknown[] = [];
  const next = async () => (await listCancels(scheduler, { limit: 1 }))[0];
  for (let id = await next(); id; id = await next()) reached.push(await passOnCancel(scheduler, id));
  assert.deepEqual(reached, [200, 100, 50]);
  assert.equal(await livesOf(), 0);
  const { rows } = await bed.admin.query(
    "select distinct cancel_requested_by from workflow_executions where parent_id = any($1)",
    [[parent, first.id]],
  );
  assert.deepEqual(rows, [{ cancel_requested_by: person.userId }]);
});

test("large cancels of several workspaces take turns, and one that is being written keeps none from his", async () => {
  const other = await bed.addPerson();
  const root = async ({ userId, workspaceId }: typeof person, children: number) => {
    const id = await bed.addExecution({
      ...{ workspace_id: workspaceId, user_id: userId },
      ...{ status: "waiting", available_at: "infinity" },
    });
    await bed.addChildren(id, children);
    await api.transaction({ userId, workspaceIds: [workspaceId] }, (tx) => cancelExecution(tx, id, userId));
    return id;
  };
  const roots = [await root(person, 500), await root(person, 500), await root(other, 500)];
  const holder = await bed.admin.connect();
  const reached: unknown[] = [];
  try {
    await holder.query("begin");
    await holder.query("select from workflow_executions where id = $1 for update", [roots[0]]);
    const listed = await listCancels(scheduler, { limit: 10 });
    const { rows } = await bed.admin.query("select id::int, execution_id from pending_moves");
    const rootOf = new Map(rows.map(({ id, execution_id }) => [id, roots.indexOf(execution_id)]));
    const places = listed.map((id) => rootOf.get(id) ?? -1);
    assert.deepEqual([places.slice(0, 2).toSorted(), places[2]], [[0, 2], 1]);
    for (const id of listed) reached[rootOf.get(id) ?? -1] = await passOnCancel(scheduler, id);
  } finally {
    await holder.query("commit");
    holder.release();
  }
  assert.deepEqual(reached, [0, 200, 200]);
  for (let pass = 0; pass < 3; pass += 1) await passOn();
  const left = await bed.admin.query(
    "select count(*)::int as n from workflow_executions where parent_id = any($1) and status <> 'cancelled'",
    [roots],
  );
  assert.deepEqual([left.rows[0].n, await listCancels(scheduler, { limit: 10 })], [0, []]);
});

test("a cancel goes on past children that run, also when their parent has ended well meanwhile", async () => {
  const parent = await add({ ...claimed, user_id: person.userId });
  await bed.addChildren(parent, 300);
  await bed.admin.query(
    `update workflow_executions set status = 'running', fence = 1, lease_until = '2100-01-01', lease_owner = $2
     where parent_id = $1`,
    [parent, claimed.lease_owner],
  );
  assert.equal(await cancel(parent), "running");
  await writeJournal(worker, [succeeds(parent)]);
  await passOn();
  await passOn();
  const { rows } = await bed.admin.query(
    "select count(*)::int from workflow_executions where parent_id = $1 and cancel_requested_at is not null",
    [parent],
  );
  assert.equal(rows[0].count, 300);
});

test("a step that gave up on its child cancels it", async () => {
  const { parent, child } = await addFamily("running");
  const error = { code: "timeout", message: "m" };
  await writeJournal(worker, [write(parent, { steps: [waitsFor(child, { status: "failed", error })] })]);
  await passOn();
  assert.ok((await bed.execution(child)).cancel_requested_at);
});

test("what is being written is not waited for: it is passed on in the next pass", async () => {
  const { parent, child } = await addFamily("waiting");
  const holder = await bed.admin.connect();
  await holder.query("begin");
  await holder.query("select from workflow_executions where id = $1 for update", [parent]);
  await writeJournal(worker, [succeeds(child)]);
  await passOn();
  assert.equal(await statusOf(parent), "waiting");
  await holder.query("commit");
  holder.release();
  await passOn();
  assert.equal(await statusOf(parent), "queued");
  const { rows } = await bed.admin.query("select from pending_moves");
  assert.equal(rows.length, 0);
});

test("200 races of a child's end with its parent going to sleep: none sleeps on", async () => {
  for (let n = 0; n < RACES; n++) {
    const { parent, child } = await addFamily("running");
    await Promise.all([writeJournal(worker, [parks(parent)]), writeJournal(other, [succeeds(child)])]);
    await passOn();
    assert.equal(await statusOf(parent), "queued", `race ${n}`);
  }
});

test("200 races of a cancel with a wake-up that is due: one end, and it stays", async () => {
  for (let n = 0; n < RACES; n++) {
    const id = await add({ status: "waiting", available_at: "2000-01-01" });
    const [ended, woken] = await Promise.all([cancel(id), wakeDue(scheduler, 10)]);
    assert.equal(ended, "cancelled");
    assert.ok(woken.length <= 1);
    await Promise.all([wakeDue(scheduler, 10), passOn()]);
    assert.equal(await statusOf(id), "cancelled", `race ${n}`);
  }
});

test("200 races of a parent's cancel with its child's end: the parent is cancelled, the child has one end", async () => {
  const ends: Record<string, number> = {};
  for (let n = 0; n < RACES; n++) {
    const { parent, child } = await addFamily("waiting");
    const [, { held }] = await Promise.all([cancel(parent), writeJournal(worker, [succeeds(child)])]);
    await passOn();
    assert.equal(await statusOf(parent), "cancelled", `race ${n}`);
    const status = (await statusOf(child)) as string;
    assert.equal(status, held.size === 1 ? "succeeded" : "running", `race ${n}`);
    ends[status] = (ends[status] ?? 0) + 1;
  }
  assert.equal(ends.succeeded, RACES, "a running child is asked, not ended: its own end counts");
});

test("200 races of wake-up, child's end and cancel of the child: the parent is queued once", async () => {
  for (let n = 0; n < RACES; n++) {
    const { parent, child } = await addFamily("waiting");
    await writeJournal(worker, [parks(child)]);
    const due = "update workflow_executions set available_at = '2000-01-01' where id = any($1)";
    await bed.admin.query(due, [[parent, child]]);
    await Promise.all([cancel(child), wakeDue(scheduler, 10), passOn()]);
    await passOn();
    assert.equal(await statusOf(child), "cancelled", `race ${n}`);
    assert.equal(await statusOf(parent), "queued", `race ${n}`);
  }
});
