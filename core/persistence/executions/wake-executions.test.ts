// Waking what waits: what is due, what is answered, what was woken while it ran, and what all that costs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, stepOf } from "../../../test/support/executions.ts";
import type { JournalWrite } from "../../domain/journal.ts";
import type { Database, Executor } from "../database.ts";
import { loadSmallJournal } from "./load-steps.ts";
import { answerStep, wakeDue } from "./wake-executions.ts";
import { writeJournal } from "./write-journal.ts";

let bed: ExecutionBed;
let worker: Database;
let scheduler: Database;
let api: Database;
const workspace_id = uuidv7();
const row = { workspace_id, band: 18 };

before(async () => {
  bed = await createExecutionBed();
  worker = bed.open("atelier_worker");
  scheduler = bed.open("atelier_scheduler");
  api = bed.open("atelier_api");
});
after(() => bed?.close());

const running = () =>
  bed.addExecution({ ...row, status: "running", fence: 1, wake: 3, lease_until: "2100-01-01" });
const waits = stepOf("ask", { status: "waiting", finishedAt: null, state: { waitsFor: { kind: "test" } } });
const parks = (executionId: string, given: Partial<JournalWrite> = {}): JournalWrite => ({
  executionId,
  fence: 1,
  steps: [waits],
  move: { to: "waiting", availableAt: null, wake: 3 },
  ...given,
});
const ask = (executionId: string) => ({ executionId, nodeId: "ask", iteration: "", attempt: 1 });
const answer = (executionId: string, given: unknown = { yes: true }) =>
  api.transaction({ userId: uuidv7(), workspaceIds: [workspace_id] }, (tx) =>
    answerStep(tx, ask(executionId), given),
  );

test("what waits for nothing is never due; what waits for a time is woken when it has come, once", async () => {
  const [never, later, due] = [await running(), await running(), await running()];
  const wakeAt = new Date(Date.now() + 150).toISOString();
  await writeJournal(worker, [
    parks(never),
    parks(later, { move: { to: "waiting", availableAt: "2100-01-01T00:00:00Z", wake: 3 } }),
    parks(due, { steps: [{ ...waits, wakeAt }], move: { to: "waiting", availableAt: wakeAt, wake: 3 } }),
  ]);
  const woken: unknown[] = [];
  while (woken.length === 0) {
    woken.push(...(await wakeDue(scheduler, 10)));
    await delay(20);
  }
  assert.deepEqual(woken, [{ id: due, wake: 4, priority: 0, band: 18 }]);
  assert.deepEqual(await wakeDue(scheduler, 10), []);
  assert.equal((await loadSmallJournal(worker, due))?.[0]?.wakeAt, wakeAt);
  const row = await bed.execution(due);
  assert.ok((row.rung_at as Date) >= new Date(wakeAt));
  assert.equal((await bed.execution(never)).status, "waiting");
});

test("an answer wakes the execution and is there when it runs again; a second one comes too late", async () => {
  const id = await running();
  await writeJournal(worker, [parks(id)]);
  assert.deepEqual(await answer(id, { text: "ja" }), { id, wake: 4, priority: 0, band: 18, isQueued: true });
  assert.equal(await answer(id), null);
  const [step] = (await loadSmallJournal(worker, id)) ?? [];
  assert.deepEqual(step?.state, { waitsFor: { kind: "test" }, answer: { text: "ja" } });
  const stranger = await running();
  await writeJournal(worker, [parks(stranger)]);
  const elsewhere = api.transaction({ userId: uuidv7(), workspaceIds: [uuidv7()] }, (tx) =>
    answerStep(tx, ask(stranger), 1),
  );
  assert.equal(await elsewhere, null);
});

test("what is answered while other branches run goes to sleep no more: it is queued, and to be rung", async () => {
  const id = await running();
  await writeJournal(worker, [parks(id, { move: undefined as never })]);
  assert.deepEqual(await answer(id), { id, wake: 4, priority: 0, band: 18, isQueued: false });
  const { queued } = await writeJournal(worker, [parks(id, { steps: [] })]);
  assert.deepEqual(queued, [{ id, wake: 4, priority: 0, band: 18 }]);
  const row = await bed.execution(id);
  assert.equal(row.status, "queued");
  assert.equal(row.lease_owner, null);
});

test("200 races of an answer with the execution going to sleep: none sleeps on its answer", async () => {
  for (let n = 0; n < 200; n++) {
    const id = await running();
    await writeJournal(worker, [{ executionId: id, fence: 1, steps: [waits] }]);
    await Promise.all([writeJournal(worker, [parks(id, { steps: [] })]), answer(id)]);
    assert.equal((await bed.execution(id)).status, "queued", `race ${n}`);
  }
});

type Plan = {
  "Node Type": string;
  "Relation Name"?: string;
  "Actual Rows"?: number;
  "Rows Removed by Filter"?: number;
  Plans?: Plan[];
};

test("100,000 that wait cost nothing until they are due, and then what is due", {
  timeout: 120_000,
}, async () => {
  await bed.admin.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status, available_at)
     select i.id, $1, $1, 1, $1, i.id, 'waiting',
       case when n % 2 = 0 then 'infinity' else clock_timestamp() + interval '1 day' end
     from generate_series(1, 100000) n, lateral (select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0')
       || '7' || substr(md5(n::text), 1, 19))::uuid id) i`,
    [workspace_id],
  );
  await bed.admin.query("analyze workflow_executions");
  const plans: Plan[] = [];
  const explaining: Executor = {
    ...scheduler,
    async many<Row>({ text, values }: { text: string; values: unknown[] }) {
      const explain = { text: `explain (analyze, format json) ${text}`, values };
      const [row] = await scheduler.many<{ "QUERY PLAN": { Plan: Plan }[] }>(explain);
      if (row?.["QUERY PLAN"][0]) plans.push(row["QUERY PLAN"][0].Plan);
      return [] as Row[];
    },
  };
  const rowsOf = (node: Plan) => (node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0);
  const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
  const touched = async () => {
    plans.length = 0;
    await wakeDue(explaining, 1_000);
    const nodes = plans.flatMap(nodesOf);
    assert.ok(nodes.length > 3);
    return nodes.reduce((most, node) => Math.max(most, rowsOf(node)), 0);
  };
  assert.equal(await touched(), 0, "nothing is due");
  const due =
    "update workflow_executions set available_at = '2000-01-01' where id in (select id from workflow_executions where available_at > now() limit 20)";
  await bed.admin.query(due);
  assert.equal(await touched(), 20, "rows are touched as many as are due");
});
