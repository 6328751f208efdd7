// Claims at limits by several workers at once: never one too many, never a place left empty, first come first served.
import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { ClaimedExecution } from "../../domain/journal.ts";
import type { Database } from "../database.ts";
import { callHeld } from "./call-held.ts";
import { claimExecutions } from "./claim-executions.ts";
import { callNext, claimWithinLimits } from "./claim-limited.ts";
import { writeJournal } from "./write-journal.ts";

let bed: ExecutionBed;
let workers: Database[];
let person: { userId: string; workspaceId: string };

before(async () => {
  bed = await createExecutionBed();
  workers = Array.from({ length: 3 }, () => bed.open("atelier_worker", 6));
});
after(() => bed?.close());

const claimOf = (ids: readonly string[], crashesBelow = 3) => ({
  ids,
  owner: uuidv7(),
  leaseMs: 8_000,
  crashesBelow,
});
const claim = (ids: readonly string[], crashesBelow = 3) =>
  claimWithinLimits(workers[0] as Database, claimOf(ids, crashesBelow));
const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

async function addRuns(count: number, columns: Record<string, unknown>, workspaceLimit?: number) {
  person = await bed.addPerson();
  await bed.admin.query("update workspaces set max_concurrency = $2 where id = $1", [
    person.workspaceId,
    workspaceLimit ?? null,
  ]);
  return addTo(person.workspaceId, uuidv7(), count, columns);
}

async function addTo(
  workspace_id: string,
  workflow_id: string,
  count: number,
  columns: Record<string, unknown>,
) {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await bed.addExecution({ workspace_id, workflow_id, ...columns }));
  return { ids, workspaceId: workspace_id, workflowId: workflow_id };
}

async function countRunning(column: "workflow_id" | "workspace_id", id: string): Promise<number> {
  const { rows } = await bed.admin.query(
    `select count(*)::int n from workflow_executions where ${column} = $1 and status = 'running'`,
    [id],
  );
  return rows[0].n;
}

const end = (executions: readonly ClaimedExecution[], to: "succeeded" | "waiting" = "succeeded") =>
  writeJournal(
    workers[0] as Database,
    executions.map(({ id, fence }) => ({ executionId: id, fence, steps: [], move: { to, output: null } })),
  );

test("3 workers claim the same executions at once, again and again: always as many run as the limit says", async () => {
  const limit = 4;
  const { ids, workflowId } = await addRuns(20, { concurrency: limit });
  const running = new Map<string, ClaimedExecution>();
  let left = ids.length;
  while (left > 0) {
    const rung = ids.toSorted(() => Math.random() - 0.5);
    // Each asks for its third and, at the same time, for all.
    const shares = [...workers, ...workers].map((database, share) =>
      claimWithinLimits(database, claimOf(rung.filter((_, index) => share > 2 || index % 3 === share))),
    );
    for (const { claimed } of await Promise.all(shares))
      for (const execution of claimed) running.set(execution.id, execution);
    assert.equal(await countRunning("workflow_id", workflowId), Math.min(limit, left));
    assert.equal(running.size, Math.min(limit, left), "each was claimed once");
    const leaving = [...running.values()].slice(0, 1 + Math.floor(Math.random() * running.size));
    await end(leaving);
    for (const { id } of leaving) running.delete(id);
    left -= leaving.length;
  }
});

test("the limit of a workspace holds over its workflows, beside theirs", async () => {
  const first = await addRuns(10, { concurrency: 2 }, 5);
  const second = await addTo(first.workspaceId, uuidv7(), 10, {});
  const ids = [...first.ids, ...second.ids];
  await Promise.all(workers.map((database) => claimWithinLimits(database, claimOf(ids))));
  assert.equal(await countRunning("workspace_id", first.workspaceId), 5);
  assert.equal(await countRunning("workflow_id", first.workflowId), 2);
});

test("what has a limit is not claimed without counting; what has none needs no count", async () => {
  const { ids } = await addRuns(2, { concurrency: 1 });
  const inLimited = await addRuns(2, {}, 1);
  const free = await addRuns(2, {});
  const all = [...ids, ...inLimited.ids, ...free.ids];
  const claimed = await claimExecutions(workers[0] as Database, claimOf(all));
  assert.deepEqual(idsOf(claimed).toSorted(), free.ids);
});

test("who was refused goes before who comes later, whoever is rung for; a higher priority goes first", async () => {
  const { ids, workspaceId, workflowId } = await addRuns(4, { concurrency: 1 });
  const [running = "", second = "", third = "", fourth = ""] = ids;
  const { claimed } = await claim([running]);
  assert.deepEqual((await claim([third, second])).claimed, []);
  assert.equal((await bed.execution(second)).held_by, workflowId);
  await end(claimed);
  const next = await claim([fourth]);
  assert.deepEqual(idsOf(next.claimed), [second], "the older one is served");
  const urgent = await addTo(workspaceId, workflowId, 1, { concurrency: 1, priority: 9 });
  await claim(urgent.ids);
  await end(next.claimed);
  assert.deepEqual(idsOf(await callNext(workers[0] as Database, next.claimed)), urgent.ids);
  assert.deepEqual(idsOf((await claim(urgent.ids)).claimed), urgent.ids);
});

test("who is held is rung for once a place is free, and only then; with more room than hands the next is called", async () => {
  const { ids, workspaceId, workflowId } = await addRuns(5, { concurrency: 2 });
  const { claimed, called } = await claim(ids.slice(0, 1));
  assert.deepEqual(called, []);
  const [second = ""] = (await claim(ids.slice(1))).claimed.map(({ id }) => id);
  assert.equal(second, ids[1]);
  assert.deepEqual(await callHeld(bed.open("atelier_scheduler"), 100), [], "no room");
  await end(claimed);
  const next = await callNext(workers[0] as Database, claimed);
  assert.deepEqual(
    next.map(({ id, wake }) => ({ id, wake })),
    [{ id: ids[2], wake: 1 }],
  );
  assert.deepEqual(await callNext(workers[0] as Database, [{ workspaceId, workflowId: uuidv7() }]), []);
  await bed.admin.query(
    "update workflow_executions set concurrency = 4 where workflow_id = $1 and status = 'queued'",
    [workflowId],
  );
  const wide = await claim(ids.slice(4));
  assert.deepEqual([idsOf(wide.claimed), idsOf(wide.called)], [[ids[2]], [ids[4]]]);
});

test("one that waits holds no place", async () => {
  const { ids, workflowId } = await addRuns(2, { concurrency: 1 });
  const { claimed } = await claim(ids.slice(0, 1));
  await end(claimed, "waiting");
  assert.deepEqual(idsOf((await claim(ids.slice(1))).claimed), ids.slice(1));
  assert.equal(await countRunning("workflow_id", workflowId), 1);
});

test("a suspect in the line is passed over by who may not run it, and claimed by who may", async () => {
  const { ids } = await addRuns(3, { concurrency: 1 });
  const [running = "", suspect = "", other = ""] = ids;
  const { claimed } = await claim([running]);
  await bed.admin.query("update workflow_executions set crash_count = 2 where id = $1", [suspect]);
  await claim([suspect, other]);
  await end(claimed);
  const next = await claim([other], 2);
  assert.deepEqual(idsOf(next.claimed), [other]);
  await end(next.claimed);
  assert.deepEqual(idsOf((await claim([suspect])).claimed), [suspect]);
});

test("recovery calls whom nobody called: the heads of lines with room, and all when the limit is gone", async () => {
  const scheduler = bed.open("atelier_scheduler");
  const { ids, workspaceId } = await addRuns(4, {}, 1);
  const callOwn = async () => {
    const called = await callHeld(scheduler, 100);
    return idsOf(called).filter((id) => ids.includes(id));
  };
  const { claimed } = await claim(ids);
  assert.equal(claimed.length, 1);
  await end(claimed);
  assert.deepEqual(await callOwn(), [ids[1]], "nobody had called it");
  assert.deepEqual(await callOwn(), [], "a ring is on its way");
  await claim([ids[1] ?? ""]);
  assert.deepEqual(await callOwn(), [], "no room");
  await bed.admin.query("update workspaces set max_concurrency = null where id = $1", [workspaceId]);
  assert.deepEqual((await callOwn()).toSorted(), ids.slice(2));
});

test("whoever inserts an execution that will run gives it the concurrency of its version", async () => {
  const inserts: string[] = [];
  for await (const file of glob(`${import.meta.dirname}/**/*.ts`)) {
    const source = file.endsWith(".test.ts") ? "" : await readFile(file, "utf8");
    for (const [, columns = ""] of source.matchAll(/insert into workflow_executions \(([^)]*)\)/g)) {
      inserts.push(file);
      assert.match(columns, /\bconcurrency\b/, file);
    }
  }
  assert.ok(inserts.length >= 4, `found ${inserts.join(", ")}`);
});
