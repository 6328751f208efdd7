// Claims, leases and rings against PostgreSQL: exclusive, on the database's clock, harmless when repeated.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, stepOf } from "../../../test/support/executions.ts";
import type { Database } from "../database.ts";
import { claimExecutions, findUnclaimed, loadVersionGraph } from "./claim-executions.ts";
import { loadSmallJournal } from "./load-steps.ts";
import { writeJournal } from "./write-journal.ts";

let bed: ExecutionBed;
let database: Database;

before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_worker", 20);
});
after(() => bed?.close());

const claim = (ids: readonly string[], given: { owner?: string; crashesBelow?: number } = {}) =>
  claimExecutions(database, { ids, owner: uuidv7(), leaseMs: 8_000, crashesBelow: 3, ...given });

test("20 claimers of the same 50 executions: each goes to exactly one", async () => {
  const ids = await Promise.all(Array.from({ length: 50 }, () => bed.addExecution()));
  const shuffled = () => ids.toSorted(() => Math.random() - 0.5);
  const owners = Array.from({ length: 20 }, () => uuidv7());
  const claims = await Promise.all(owners.map((owner) => claim(shuffled(), { owner })));
  const all = claims.flatMap((claimed, index) =>
    claimed.map((execution) => ({ id: execution.id, owner: owners[index] })),
  );
  assert.equal(all.length, 50);
  assert.equal(new Set(all.map(({ id }) => id)).size, 50);
  for (const { id, owner } of all) {
    const row = await bed.execution(id);
    assert.deepEqual([row.status, row.fence, row.lease_owner], ["running", 1, owner]);
  }
});

test("what is not due, running, waiting or finished is not claimed; duplicates and unknown ids do no harm", async () => {
  const due = await bed.addExecution();
  const later = await bed.addExecution({ available_at: "2100-01-01" });
  const others = await Promise.all(
    ["running", "waiting", "succeeded", "failed", "cancelled"].map((status) => bed.addExecution({ status })),
  );
  const claimed = await claim([due, due, later, ...others, uuidv7()]);
  assert.deepEqual(
    claimed.map((execution) => execution.id),
    [due],
  );
  assert.equal((await bed.execution(later)).fence, 0);
  assert.deepEqual(await claim([]), []);
});

test("the lease ends so many milliseconds from now on the database's clock", async () => {
  const id = await bed.addExecution();
  await claim([id]);
  const { rows } = await bed.admin.query(
    "select extract(epoch from lease_until - clock_timestamp()) * 1000 left_ms from workflow_executions where id = $1",
    [id],
  );
  const left = Number(rows[0]?.left_ms);
  assert.ok(left > 0 && left <= 8_000, `${left} ms`);
});

test("every claim has a higher fence; the first one's start time stays, to the microsecond and in what is handed out", async () => {
  const id = await bed.addExecution();
  const [first] = await claim([id]);
  const started = async () =>
    (await bed.admin.query("select started_at::text from workflow_executions where id = $1", [id])).rows[0]
      ?.started_at;
  const before = await started();
  assert.deepEqual([first?.fence, first?.hasHistory], [1, false]);
  await bed.admin.query("update workflow_executions set status = 'queued' where id = $1", [id]);
  const [second] = await claim([id]);
  assert.deepEqual([second?.fence, second?.hasHistory], [2, true]);
  assert.equal(await started(), before);
  assert.equal(second?.startedAt, first?.startedAt);
  assert.match(second?.startedAt ?? "", /^\d{4}-.*\.\d{3}Z$/);
});

test("a retried or forked execution has history at its first claim", async () => {
  const [retry] = await claim([await bed.addExecution({ retry_of: uuidv7() })]);
  const [fork] = await claim([await bed.addExecution({ fork_of: uuidv7() })]);
  assert.deepEqual([retry?.hasHistory, fork?.hasHistory], [true, true]);
});

test("a cancel asked for earlier is told with the claim", async () => {
  const [claimed] = await claim([await bed.addExecution({ cancel_requested_at: new Date() })]);
  assert.equal(claimed?.cancelRequested, true);
});

test("suspects are found but not claimed together with others", async () => {
  const [fine, suspect] = [
    await bed.addExecution({ crash_count: 1 }),
    await bed.addExecution({ crash_count: 2 }),
  ];
  const gone = await bed.addExecution({ crash_count: 2, status: "failed" });
  const claimed = await claim([fine, suspect, gone], { crashesBelow: 2 });
  assert.deepEqual(
    claimed.map((execution) => execution.id),
    [fine],
  );
  const unclaimed = await findUnclaimed(database, [fine, suspect, gone], 2);
  assert.deepEqual(unclaimed, { suspects: new Set([suspect]), limited: [] });
});

test("steps come back as they were written, in the order of what happened", async () => {
  const id = await bed.addExecution({ status: "running", fence: 1 });
  const steps = [
    stepOf("b", { seq: 2, iteration: "0", output: { deep: [1, "x", null] }, port: "true" }),
    stepOf("a", { seq: 1, status: "running", effect: "effectful", idempotencyKey: "key", finishedAt: null }),
  ];
  await writeJournal(database, [{ executionId: id, fence: 1, steps }]);
  const kept = steps.toReversed().map((step) => ({ ...step, wakeAt: null, state: null }));
  assert.deepEqual(await loadSmallJournal(database, id), kept);
});

test("a version's graph is what was saved; one that is not there is null", async () => {
  const person = await bed.addPerson();
  const graph = { nodes: [{ id: "start", type: "trigger.manual" }], edges: [], settings: {} };
  const id = await bed.addWorkflow(person, graph);
  assert.deepEqual(await loadVersionGraph(database, id, 1), graph);
  assert.equal(await loadVersionGraph(database, id, 2), null);
});
