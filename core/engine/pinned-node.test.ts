// Pinned nodes: not run in runs that people start, run in all others.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closeEvaluator, draw, runGraph } from "../../test/support/engine.ts";
import { stepOf } from "../../test/support/executions.ts";

after(closeEvaluator);

const graph = draw("start>call>sum", {
  start: { type: "trigger.manual" },
  call: { type: "test.idempotent", pinned: { price: 7 } },
  sum: { type: "data.transform", config: { value: "{{ nodes.call.price * 2 }}" } },
});
const behaviours = () => {
  const calls: string[] = [];
  return { calls, behaviours: { call: () => calls.push("call") && { price: 1 } } };
};

test("in a test run the pinned value is the output, and the journal says that the node was not run", async () => {
  const { calls, behaviours: given } = behaviours();
  const { output, store, steps } = await runGraph({ graph, behaviours: given });
  assert.deepEqual([output, calls], [14, []]);
  assert.deepEqual(steps, ["start[]#1 succeeded", "call[]#1 succeeded", "sum[]#1 succeeded"]);
  const call = store.rows().find((row) => row.nodeId === "call");
  assert.deepEqual(call?.input, { $pinned: true });
  assert.deepEqual([call?.output, call?.idempotencyKey, call?.effect], [{ price: 7 }, null, "pure"]);
});

for (const triggerType of ["webhook", "schedule", "error", "subworkflow"]) {
  test(`in a run by ${triggerType} pins are ignored`, async () => {
    const { calls, behaviours: given } = behaviours();
    const { output } = await runGraph({ graph, behaviours: given, execution: { triggerType } });
    assert.deepEqual([output, calls], [2, ["call"]]);
  });
}

test("null is a pinned value, a pinned node that fails does not, and its error port is dead", async () => {
  const drawn = draw("start>call>next call:error>rescue", {
    start: { type: "trigger.manual" },
    call: { type: "test.pure", pinned: null, onError: "error" },
  });
  const fail = () => {
    throw new Error("down");
  };
  const { end, steps } = await runGraph({ graph: drawn, behaviours: { call: fail } });
  assert.equal(end, "succeeded");
  assert.deepEqual(steps, ["start[]#1 succeeded", "call[]#1 succeeded", "next[]#1 succeeded"]);
});

test("a node that was begun already goes on as it began", async () => {
  const { calls, behaviours: given } = behaviours();
  const begun = { effect: "idempotent" as const, idempotencyKey: "k", seq: 2 };
  const history = [
    stepOf("start", { nodeType: "trigger.manual" }),
    stepOf("call", { ...begun, nodeType: "test.idempotent", status: "running", finishedAt: null }),
  ];
  const { output, steps } = await runGraph({ graph, behaviours: given, history });
  assert.deepEqual([output, calls], [2, ["call"]]);
  assert.ok(steps.includes("call[]#2 succeeded"), steps.join());
});

test("in a loop every item has the pinned value", async () => {
  const drawn = draw("start>each each:item>call each:done>out", {
    start: { type: "trigger.manual" },
    each: { type: "flow.forEach", config: { items: [1, 2, 3] } },
    call: { type: "test.effectful", pinned: "p" },
    out: { type: "data.transform", config: { value: "{{ nodes.each }}" } },
  });
  assert.deepEqual((await runGraph({ graph: drawn })).output, ["p", "p", "p"]);
});

test("of a node with several ports an old version's pin is ignored: it does not say by which it leaves", async () => {
  const drawn = draw("start>if if:true>yes if:false>no", {
    start: { type: "trigger.manual" },
    if: { type: "flow.condition", config: { when: false }, pinned: true },
  });
  const { steps } = await runGraph({ graph: drawn });
  assert.ok(
    steps.includes("no[]#1 succeeded") && !steps.some((step) => step.startsWith("yes")),
    steps.join(),
  );
});
