// Retries copy what is finished and what is in doubt, under the right keys, and nothing else.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, stepOf } from "../../../test/support/executions.ts";
import { effectKey } from "../../domain/idempotency-key.ts";
import type { StepRecord } from "../../domain/journal.ts";
import type { Database } from "../database.ts";
import { insertRetry } from "./retry-execution.ts";
import { writeJournal } from "./write-journal.ts";

let bed: ExecutionBed;
let api: Database;
let worker: Database;

before(async () => {
  bed = await createExecutionBed();
  api = bed.open("atelier_api");
  worker = bed.open("atelier_worker");
});
after(() => bed?.close());

async function addEnded(steps: readonly StepRecord[], to: "failed" | "cancelled" | "succeeded" = "failed") {
  const workspace_id = uuidv7();
  const id = await bed.addExecution({
    status: "running",
    fence: 1,
    workspace_id,
    priority: 7,
    band: 18,
    trigger_node: "hook",
    trigger_type: "webhook",
    input: '{"n":1}',
  });
  await writeJournal(worker, [{ executionId: id, fence: 1, steps, move: { to } }]);
  return { id, workspace_id };
}

const retry = (of: { id: string; workspace_id: string }, handled: string[] = []) => {
  const id = uuidv7();
  const userId = uuidv7();
  return api.transaction({ userId, workspaceIds: [of.workspace_id] }, (tx) =>
    insertRetry(tx, { id, of: of.id, userId, nodes: { finished: null, handled } }),
  );
};

test("a retry is a new execution of the same version and input that begins with the finished steps", async () => {
  const old = await addEnded([
    stepOf("a", { output: 5, port: "true" }),
    stepOf("b", { seq: 2, iteration: "1/0" }),
  ]);
  const made = await retry(old);
  assert.deepEqual(made, { id: made?.id, workspaceId: old.workspace_id, priority: 7, band: 18, wake: 0 });
  const [before, row] = [await bed.execution(old.id), await bed.execution(made?.id ?? "")];
  assert.deepEqual(
    [row.status, row.retry_of, row.root_id, row.input],
    ["queued", old.id, made?.id, { n: 1 }],
  );
  assert.deepEqual([row.workflow_id, row.version], [before.workflow_id, before.version]);
  assert.deepEqual([row.trigger_node, row.trigger_type], ["hook", "webhook"]);
  // Its time limit is counted anew.
  assert.equal(row.started_at, null);
  assert.equal(before.status, "failed");
  const steps = await bed.steps(made?.id ?? "");
  assert.deepEqual(
    steps.map((step) => [
      step.node_id,
      step.iteration,
      step.attempt,
      step.status,
      step.output,
      step.port,
      step.seq,
    ]),
    [
      ["a", "", 1, "succeeded", 5, "true", 1],
      ["b", "1/0", 1, "succeeded", null, null, 2],
    ],
  );
  assert.ok(steps.every((step) => step.copied_from === old.id));
});

test("an effect in doubt is copied under its old key, to go out again or, where it must not be repeated, to be asked for", async () => {
  const keyed = (nodeId: string, given: Partial<StepRecord>) =>
    stepOf(nodeId, { effect: "idempotent", idempotencyKey: effectKey("root", nodeId, ""), ...given });
  const error = (retryable: boolean) => ({ code: "x", message: "y", retryable });
  const old = await addEnded([
    keyed("died", { status: "running", seq: 1, finishedAt: null }),
    keyed("busy", { status: "failed", seq: 2, attempt: 1, error: error(false) }),
    keyed("busy", { status: "failed", seq: 3, attempt: 2, error: error(true) }),
    keyed("parked", { status: "unknown", seq: 4, effect: "effectful" }),
    keyed("stopped", { status: "cancelled", seq: 5 }),
    keyed("refused", { status: "failed", seq: 6, error: error(false) }),
    stepOf("pure", { status: "failed", seq: 7, error: error(true) }),
    keyed("sent", { status: "succeeded", seq: 8, effect: "effectful" }),
  ]);
  const made = await retry(old);
  const steps = await bed.steps(made?.id ?? "");
  assert.deepEqual(
    steps.map((step) => [step.node_id, step.status, step.effect, step.attempt]),
    [
      ["died", "running", "idempotent", 1],
      ["busy", "running", "idempotent", 1],
      ["parked", "unknown", "effectful", 1],
      ["stopped", "running", "idempotent", 1],
      ["sent", "succeeded", "effectful", 1],
    ],
  );
  for (const step of steps) assert.equal(step.idempotency_key, effectKey("root", String(step.node_id), ""));
});

test("a retry of a retry names the execution that really did the step", async () => {
  const old = await addEnded([stepOf("a")]);
  const first = await retry(old);
  await bed.admin.query("update workflow_executions set status = 'running', fence = 1 where id = $1", [
    first?.id,
  ]);
  const end = { to: "failed" as const };
  await writeJournal(worker, [
    { executionId: first?.id ?? "", fence: 1, steps: [stepOf("b", { seq: 2 })], move: end },
  ]);
  const second = await retry({ id: first?.id ?? "", workspace_id: old.workspace_id });
  assert.deepEqual(
    (await bed.steps(second?.id ?? "")).map((step) => [step.node_id, step.copied_from]),
    [
      ["a", old.id],
      ["b", first?.id],
    ],
  );
});

test("only failed and cancelled executions of the own workspace can be retried", async () => {
  const cancelled = await addEnded([], "cancelled");
  assert.ok(await retry(cancelled));
  assert.equal(await retry(await addEnded([], "succeeded")), null);
  const workspace_id = uuidv7();
  for (const status of ["queued", "running", "waiting"]) {
    assert.equal(
      await retry({ id: await bed.addExecution({ status, workspace_id }), workspace_id }),
      null,
      status,
    );
  }
  assert.equal(await retry({ ...cancelled, workspace_id: uuidv7() }), null);
});
