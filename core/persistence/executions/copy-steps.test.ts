// What retries and forks copy beside what succeeded: failures that were handled, and what a person declared failed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, stepOf } from "../../../test/support/executions.ts";
import { EFFECT_IN_DOUBT } from "../../domain/effect-doubt.ts";
import type { StepRecord } from "../../domain/journal.ts";
import type { Database } from "../database.ts";
import { type CopiedNodes, copySteps } from "./copy-steps.ts";
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

const error = (retryable: boolean, code = "http_error") => ({ code, message: "no", retryable });
const effect = (nodeId: string, given: Partial<StepRecord>) =>
  stepOf(nodeId, { effect: "idempotent", idempotencyKey: `key of ${nodeId}`, ...given });

/** What stands in the new journal: node, iteration, attempt, status. */
async function copied(
  steps: readonly StepRecord[],
  nodes: Partial<CopiedNodes> = {},
  inWorkspace: string = uuidv7(),
) {
  const of = await bed.addExecution({ status: "running", fence: 1, workspace_id: inWorkspace });
  await writeJournal(worker, [{ executionId: of, fence: 1, steps, move: { to: "failed" } }]);
  const { workspace_id } = await bed.execution(of);
  const id = await bed.addExecution({ workspace_id });
  await api.transaction({ workspaceIds: [String(workspace_id)] }, (tx) =>
    copySteps(tx, { id, of, nodes: { finished: null, handled: [], inDoubt: null, ...nodes } }),
  );
  const rows = await bed.steps(id);
  return rows.map((row) => `${row.node_id}[${row.iteration}]#${row.attempt} ${row.status}`);
}

test("the failed attempts of a node whose failure was handled are copied as they were, so that it ends the same", async () => {
  const steps = [
    effect("call", { status: "failed", attempt: 1, seq: 1, error: error(true) }),
    effect("call", { status: "failed", attempt: 2, seq: 2, error: error(true) }),
    effect("call", { status: "failed", attempt: 1, seq: 3, iteration: "1", error: error(false) }),
    stepOf("rescue", { seq: 4 }),
  ];
  assert.deepEqual(await copied(steps, { handled: ["call"] }), [
    "call[]#1 failed",
    "call[]#2 failed",
    "call[1]#1 failed",
    "rescue[]#1 succeeded",
  ]);
  assert.deepEqual(await copied(steps), ["call[]#1 running", "rescue[]#1 succeeded"]);
});

test("an attempt of a handled node that was broken off is in doubt like any other", async () => {
  const steps = [effect("call", { status: "cancelled", seq: 1 })];
  assert.deepEqual(await copied(steps, { handled: ["call"] }), ["call[]#1 running"]);
});

test("what a person declared failed has had no answer: it goes out again under its old key", async () => {
  const steps = [effect("pay", { status: "failed", seq: 1, error: error(false, EFFECT_IN_DOUBT) })];
  assert.deepEqual(await copied(steps), ["pay[]#1 running"]);
  steps[0] = effect("pay", { status: "failed", seq: 1, error: error(false) });
  assert.deepEqual(await copied(steps), []);
});

test("an effect that must not be repeated is asked for unless what became of it is known", async () => {
  const once = (given: Partial<StepRecord>) => [effect("pay", { effect: "effectful", seq: 1, ...given })];
  const saying = (inDoubt: boolean, retryable = true) => ({ ...error(retryable), inDoubt });
  const asked: Partial<StepRecord>[] = [
    { status: "running" },
    { status: "unknown", error: saying(true) },
    { status: "waiting" },
    // As they were written before failures said whether they leave a doubt.
    { status: "cancelled" },
    { status: "failed", error: error(true, "timeout") },
    { status: "failed", error: error(false, EFFECT_IN_DOUBT) },
  ];
  for (const step of asked)
    assert.deepEqual(await copied(once(step)), ["pay[]#1 unknown"], JSON.stringify(step));
  // Somebody has said that it is to be sent again, and it has not been since.
  const wanted = once({ status: "failed", error: { ...error(true, "retried"), inDoubt: true } });
  assert.deepEqual(await copied(wanted), ["pay[]#1 running"]);
  const known: Partial<StepRecord>[] = [
    { status: "cancelled", error: saying(false) },
    { status: "failed", error: saying(false) },
    { status: "failed", error: error(false) },
  ];
  for (const step of known) assert.deepEqual(await copied(once(step)), [], JSON.stringify(step));
});

test("a lost answer keeps an idempotent effect's key, also where trying again by itself made no sense", async () => {
  const steps = [
    effect("late", { status: "failed", seq: 1, error: { ...error(true, "timeout"), inDoubt: true } }),
    effect("odd", { status: "failed", seq: 2, error: { ...error(false), inDoubt: true } }),
    effect("no", { status: "failed", seq: 3, error: error(false) }),
  ];
  assert.deepEqual(await copied(steps), ["late[]#1 running", "odd[]#1 running"]);
});

test("a sub-workflow is asked for when something that must not be repeated has gone out in it, however deep", async () => {
  const child = async (steps: StepRecord[]) => {
    const id = await bed.addExecution({ status: "running", fence: 1, workspace_id: workspaceId });
    await writeJournal(worker, [{ executionId: id, fence: 1, steps, move: { to: "failed" } }]);
    return id;
  };
  const workspaceId = uuidv7();
  const sub = (childId: string, given: Partial<StepRecord> = {}) =>
    effect("sub", { status: "failed", seq: 1, error: error(true), state: { childId }, ...given });
  const paid = await child([effect("pay", { effect: "effectful" })]);
  const harmless = await child([
    effect("pay", { effect: "effectful", status: "failed", error: error(false) }),
  ]);
  const around = await child([sub(paid)]);
  const copy = (steps: StepRecord[]) => copied(steps, {}, workspaceId);
  assert.deepEqual(await copy([sub(harmless)]), ["sub[]#1 running"]);
  for (const id of [paid, around]) assert.deepEqual(await copy([sub(id)]), ["sub[]#1 unknown"]);
  // An earlier attempt counts as well, and so does one that is not tried again.
  const earlier = [sub(paid), sub(harmless, { attempt: 2, seq: 2 })];
  assert.deepEqual(await copy(earlier), ["sub[]#1 unknown"]);
  assert.deepEqual(await copy([sub(paid, { error: error(false, "child_failed") })]), ["sub[]#1 unknown"]);
});

test("only the nodes named are copied; an effect in doubt may be, where what it did is not", async () => {
  const steps = [
    stepOf("a", { seq: 1 }),
    stepOf("b", { seq: 2 }),
    effect("sent", { seq: 3 }),
    effect("doubt", { status: "failed", seq: 4, error: error(true) }),
    effect("other", { status: "failed", seq: 5, error: error(true) }),
  ];
  const nodes = { finished: ["a"], inDoubt: ["sent", "doubt", "b"] };
  assert.deepEqual(await copied(steps, nodes), ["a[]#1 succeeded", "doubt[]#1 running"]);
});
