// Decisions on effects in doubt: what each writes, who wins a race, and what is refused.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, type Row, stepOf } from "../../../test/support/executions.ts";
import type { StepRecord } from "../../domain/journal.ts";
import type { Actor } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import type { StepDecision } from "../../persistence/executions/decide-step.ts";
import { endDecided } from "../../persistence/executions/end-decided.ts";
import { findExecution } from "../../persistence/executions/executions.ts";
import { loadSmallJournal } from "../../persistence/executions/load-steps.ts";
import { insertRetry } from "../../persistence/executions/retry-execution.ts";
import { writeJournal } from "../../persistence/executions/write-journal.ts";
import { createExecutionQueue, type ExecutionQueue } from "../../queue/execution-queue.ts";
import { decideOnStep } from "./decide-step.ts";

type Person = Awaited<ReturnType<ExecutionBed["addPerson"]>>;

let bed: ExecutionBed;
let api: Database;
let worker: Database;
let queue: ExecutionQueue;
let ada: Person;

before(async () => {
  bed = await createExecutionBed();
  api = bed.open("atelier_api", 8);
  worker = bed.open("atelier_worker");
  queue = createExecutionQueue({ kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_api" });
  ada = await bed.addPerson();
});
after(async () => {
  await queue?.close();
  await bed?.close();
});

const parked = (nodeId: string, seq: number, iteration = "") =>
  stepOf(nodeId, {
    ...{ seq, iteration, status: "unknown", effect: "effectful", finishedAt: null },
    idempotencyKey: `key of ${nodeId}${iteration}`,
  });
/** Waits for decisions on "pay", and on "ship" in two iterations. */
async function addWaiting(columns: Row = {}) {
  const place = { workspace_id: ada.workspaceId, status: "running", fence: 1, wake: 3, band: 18 };
  const id = await bed.addExecution({ ...place, ...columns });
  const steps = [stepOf("start"), parked("pay", 2), parked("ship", 3, "0"), parked("ship", 4, "1")];
  await writeJournal(worker, [{ executionId: id, fence: 1, steps, move: { to: "waiting" } }]);
  return id;
}
type Given = { nodeId: string; iteration?: string; output?: unknown; decision: StepDecision["decision"] };
const decide = (id: string, given: Given, actor: Actor = ada) =>
  decideOnStep({ database: api, queue, onRingFailed: () => {} }, actor, id, {
    iteration: "",
    output: null,
    ...given,
  });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "allowed",
    (error: { code: string }) => error.code,
  );
const stepOn = async (id: string, nodeId: string, iteration = "") =>
  (await bed.steps(id)).find((row) => row.node_id === nodeId && row.iteration === iteration);
const pendingOf = async (id: string) =>
  (await api.transaction({ workspaceIds: [ada.workspaceId] }, (tx) => findExecution(tx, id)))
    ?.pendingDecisions;

test("it says for which nodes it waits, until each is decided; once it ended it waits for nothing", async () => {
  const id = await addWaiting();
  const [pay, first, second] = [
    { nodeId: "pay", iteration: "" },
    { nodeId: "ship", iteration: "0" },
    { nodeId: "ship", iteration: "1" },
  ];
  assert.deepEqual(await pendingOf(id), [pay, first, second]);
  await decide(id, { nodeId: "ship", iteration: "0", decision: "skip" });
  assert.deepEqual(await pendingOf(id), [pay, second]);
  await bed.admin.query("update workflow_executions set status = 'cancelled' where id = $1", [id]);
  assert.deepEqual(await pendingOf(id), []);
});

test("retry closes the attempt as tried again, under its key; the execution is queued, rung and audited", async () => {
  const id = await addWaiting();
  assert.deepEqual(await decide(id, { nodeId: "pay", decision: "retry" }), { status: "queued" });
  const step = await stepOn(id, "pay");
  assert.deepEqual([step?.status, step?.idempotency_key, step?.seq], ["failed", "key of pay", 5]);
  const error = {
    code: "retried",
    message: "Sent again on request",
    nodeId: "pay",
    retryable: true,
    inDoubt: true,
  };
  assert.deepEqual(step?.error, error);
  const row = await bed.execution(id);
  assert.deepEqual([row.status, row.wake], ["queued", 4]);
  while ((await queue.find([{ executionId: id, wake: 4, band: 18 }]))[0] !== "waiting");
  const { rows } = await bed.admin.query(
    "select actor_id, action, details from audit_logs where target_id = $1",
    [id],
  );
  const details = { nodeId: "pay", iteration: "", decision: "retry" };
  assert.deepEqual(rows, [{ actor_id: ada.userId, action: "execution.step_decided", details }]);
});

test("skip takes the output given, null without one; fail leaves an error that is no answer", async () => {
  const id = await addWaiting();
  await decide(id, { nodeId: "pay", decision: "skip", output: { paid: true } });
  await decide(id, { nodeId: "ship", iteration: "0", decision: "skip" });
  await decide(id, { nodeId: "ship", iteration: "1", decision: "fail" });
  const [pay, first, second] = [
    await stepOn(id, "pay"),
    await stepOn(id, "ship", "0"),
    await stepOn(id, "ship", "1"),
  ];
  assert.deepEqual([pay?.status, pay?.output, pay?.error], ["succeeded", { paid: true }, null]);
  assert.deepEqual([first?.status, first?.output], ["succeeded", null]);
  assert.ok(first?.finished_at instanceof Date);
  assert.equal(second?.status, "failed");
  const { code, retryable } = (second?.error ?? {}) as { code?: string; retryable?: boolean };
  assert.deepEqual([code, retryable], ["effect_in_doubt", false]);
  assert.equal((await bed.execution(id)).wake, 4, "those decided while it was queued need no other ring");
});

test("of many who decide at once one wins, the others are a conflict", async () => {
  const id = await addWaiting();
  const decisions = (["retry", "skip", "fail"] as const).flatMap((decision) => [decision, decision]);
  const codes = await Promise.all(
    decisions.map((decision) => codeOf(decide(id, { nodeId: "pay", decision }))),
  );
  assert.deepEqual(codes.toSorted(), ["allowed", ...Array(5).fill("conflict")]);
  const { rows } = await bed.admin.query("select details from audit_logs where target_id = $1", [id]);
  assert.deepEqual(
    rows.map((row) => row.details.decision),
    [decisions[codes.indexOf("allowed")]],
  );
  assert.equal((await bed.execution(id)).wake, 4);
});

test("a decision and a cancel at once: one of them, never a cancelled one that is woken", async () => {
  for (let round = 0; round < 20; round++) {
    const id = await addWaiting();
    const cancel = bed.admin.query(
      "update workflow_executions set status = 'cancelled', finished_at = now() where id = $1 and status = 'waiting'",
      [id],
    );
    const [code] = await Promise.all([codeOf(decide(id, { nodeId: "pay", decision: "skip" })), cancel]);
    const { status } = await bed.execution(id);
    assert.equal(status, code === "allowed" ? "queued" : "cancelled");
    assert.ok(["allowed", "execution_finished"].includes(code), code);
  }
});

test("while other branches run it is taken down at once, once, and heard by the wake; the next claim gives it its place", async () => {
  const id = await addWaiting();
  await bed.admin.query("update workflow_executions set status = 'running', fence = 2 where id = $1", [id]);
  assert.deepEqual((await pendingOf(id))?.length, 3);
  const skip = { nodeId: "pay", decision: "skip" as const, output: "paid" };
  assert.deepEqual(await decide(id, skip), { status: "running" });
  assert.deepEqual(await decide(id, { nodeId: "ship", iteration: "0", decision: "fail" }), {
    status: "running",
  });
  for (const decision of ["retry", "fail"] as const)
    assert.equal(await codeOf(decide(id, { nodeId: "pay", decision })), "conflict");
  const row = await bed.execution(id);
  assert.deepEqual([row.status, row.wake], ["running", 5]);
  assert.deepEqual(await pendingOf(id), [{ nodeId: "ship", iteration: "1" }]);
  // Its worker numbers on meanwhile, and comes to rest under the wake it was claimed with.
  const steps = [stepOf("other", { seq: 5 })];
  const move = { to: "waiting", availableAt: null, wake: 3 } as const;
  const { queued } = await writeJournal(worker, [{ executionId: id, fence: 2, steps, move }]);
  assert.deepEqual(
    queued.map((ring) => ring.id),
    [id],
  );
  assert.equal((await bed.execution(id)).status, "queued");
  assert.equal(await codeOf(decide(id, { nodeId: "pay", decision: "fail" })), "conflict");
  await bed.admin.query("update workflow_executions set status = 'running', fence = 3 where id = $1", [id]);
  const places = (history: StepRecord[]) =>
    history.map((step) => `${step.nodeId}${step.iteration} ${step.status} ${step.seq}`);
  const look = async (fence: number) => {
    await endDecided(worker, { id, fence });
    return (await loadSmallJournal(worker, id)) ?? [];
  };
  const before = [
    "start succeeded 1",
    "pay unknown 2",
    "ship0 unknown 3",
    "ship1 unknown 4",
    "other succeeded 5",
  ];
  assert.deepEqual(places(await look(2)), before, "a claim that is over ends nothing");
  const after = [
    "start succeeded 1",
    "ship1 unknown 4",
    "other succeeded 5",
    "pay succeeded 6",
    "ship0 failed 7",
  ];
  for (let n = 0; n < 2; n++) assert.deepEqual(places(await look(3)), after);
  const [pay, ship] = [await stepOn(id, "pay"), await stepOn(id, "ship", "0")];
  assert.deepEqual([pay?.output, pay?.error, pay?.state], ["paid", null, null]);
  assert.deepEqual(
    [ship?.output, (ship?.error as { code?: string } | null | undefined)?.code],
    [null, "effect_in_doubt"],
  );
});

test("a run that ends before the decision could act keeps it: its retry takes over what was skipped, and sends nothing", async () => {
  const workflow_id = await bed.addWorkflow(ada);
  const id = await addWaiting({ user_id: ada.userId, workflow_id });
  await bed.admin.query("update workflow_executions set status = 'running', fence = 2 where id = $1", [id]);
  await decide(id, { nodeId: "pay", decision: "skip", output: { paid: true } });
  await decide(id, { nodeId: "ship", iteration: "0", decision: "skip" });
  const move = { to: "failed", error: { code: "no", message: "no" } } as const;
  await writeJournal(worker, [{ executionId: id, fence: 2, steps: [], move }]);
  const retry = uuidv7();
  await api.transaction({ workspaceIds: [ada.workspaceId] }, (tx) =>
    insertRetry(tx, { id: retry, of: id, userId: ada.userId, nodes: { finished: null, handled: [] } }),
  );
  const copies = (await bed.steps(retry)).map((row) => [row.node_id, row.iteration, row.status, row.output]);
  assert.deepEqual(copies, [
    ["start", "", "succeeded", null],
    ["pay", "", "succeeded", { paid: true }],
    ["ship", "0", "succeeded", null],
    ["ship", "1", "unknown", null],
  ]);
});

test("nothing to decide, an ended execution, a stranger, a viewer: refused without a trace", async () => {
  const id = await addWaiting();
  const skip = (nodeId: string, output: unknown = null) => ({ nodeId, decision: "skip" as const, output });
  assert.equal(await codeOf(decide(id, skip("start"))), "conflict");
  assert.equal(await codeOf(decide(id, skip("ship"))), "conflict");
  assert.equal(await codeOf(decide(id, skip("pay"), await bed.addPerson())), "not_found");
  const viewer = await bed.addPerson("viewer", ada.workspaceId);
  assert.equal(await codeOf(decide(id, skip("pay"), viewer)), "forbidden");
  assert.equal(await codeOf(decide(id, skip("pay", "x".repeat(1_048_576)))), "output_too_large");
  assert.equal(await codeOf(decide(id, skip("pay", { $file: uuidv7() }))), "not_found");
  assert.equal(await codeOf(decide(uuidv7(), skip("pay"))), "not_found");
  const move = (status: string) =>
    bed.admin.query("update workflow_executions set status = $2 where id = $1", [id, status]);
  await move("failed");
  assert.equal(await codeOf(decide(id, skip("pay"))), "execution_finished");
  assert.equal((await stepOn(id, "pay"))?.status, "unknown");
  const { rowCount } = await bed.admin.query("select from audit_logs where target_id = $1", [id]);
  assert.equal(rowCount, 0);
});

test("who follows it is told", async (t) => {
  const client = await bed.open("atelier_api").connect("listens");
  t.after(() => client.end());
  await client.query("listen atelier_executions");
  const told = new Promise((resolve) => client.on("notification", ({ payload }) => resolve(payload)));
  const id = await addWaiting({ watched: true });
  assert.equal(await told, id);
  const again = new Promise((resolve) => client.on("notification", ({ payload }) => resolve(payload)));
  await decide(id, { nodeId: "pay", decision: "fail" });
  assert.equal(await again, id);
});
