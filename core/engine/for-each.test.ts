// Loops: order, how many at once, nesting, scope of names, and what goes wrong inside.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Behaviour, closeEvaluator, draw, runGraph } from "../../test/support/engine.ts";

after(closeEvaluator);

const transform = (value: unknown) => ({ type: "data.transform", config: { value } });
const each = (items: unknown, concurrency = 10) => ({ type: "flow.forEach", config: { items, concurrency } });

test("the results stand in the order of the items, whatever order they ended in", async () => {
  const items = [5, 0, 3, 1, 4, 2];
  const graph = draw("start>loop:item>work", {
    loop: each("{{ input }}"),
    work: { type: "test.pure", config: { n: "{{ item }}" } },
  });
  const ended: unknown[] = [];
  const work: Behaviour = async (_, { n }) => {
    for (let wait = 0; wait < Number(n) * 3; wait++) await turn();
    ended.push(n);
    return `r${n}`;
  };
  const { output } = await runGraph({ graph, behaviours: { work }, execution: { input: items } });
  assert.deepEqual(output, ["r5", "r0", "r3", "r1", "r4", "r2"]);
  assert.notDeepEqual(ended, items, "they did end in another order");
});

test("never more items at once than its concurrency, and as many when there are enough", async () => {
  for (const [concurrency, count] of [
    [1, 5],
    [3, 10],
    [10, 4],
  ] as const) {
    let inside = 0;
    let most = 0;
    const work: Behaviour = async () => {
      most = Math.max(most, ++inside);
      await turn();
      await turn();
      inside--;
    };
    const items = Array.from({ length: count }, (_, index) => index);
    const graph = draw("start>loop:item>work", { loop: each("{{ input }}", concurrency) });
    await runGraph({ graph, behaviours: { work }, execution: { input: items } });
    assert.equal(most, Math.min(concurrency, count));
  }
});

test("loops nest: the iteration is the path, inner names win, outer ones stay in sight", async () => {
  const graph = draw("start>rows:item>before>cells:item>cell cells:done>row rows:done>end", {
    end: transform("{{ nodes.rows }}"),
    rows: each("{{ input }}", 2),
    before: transform("{{ 'row ' & $string(index) }}"),
    cells: each("{{ item }}", 2),
    cell: transform("{{ nodes.before & ', cell ' & $string(index) & ': ' & item }}"),
    row: transform("{{ $join(nodes.cells, ' | ') }}"),
  });
  const { output, steps } = await runGraph({ graph, execution: { input: [["a", "b"], ["c"]] } });
  assert.deepEqual(output, ["row 0, cell 0: a | row 0, cell 1: b", "row 1, cell 0: c"]);
  const cells = steps.filter((step) => step.startsWith("cell["));
  assert.deepEqual(cells.toSorted(), [
    "cell[0/0]#1 succeeded",
    "cell[0/1]#1 succeeded",
    "cell[1/0]#1 succeeded",
  ]);
});

test("a scalar is one item, nothing is none, and the loop goes on by done", async () => {
  const graph = draw("start>loop:item>work loop:done>end", {
    loop: each("{{ input.items }}"),
    work: transform("{{ item }}"),
    end: transform("{{ { 'got': nodes.loop } }}"),
  });
  const outputOf = async (items: unknown) =>
    (await runGraph({ graph, execution: { input: { items } } })).output;
  assert.deepEqual(await outputOf("one"), { got: ["one"] });
  assert.deepEqual(await outputOf({ a: 1 }), { got: [{ a: 1 }] });
  assert.deepEqual(await outputOf(0), { got: [0] });
  assert.deepEqual(await outputOf([]), { got: [] });
  assert.deepEqual(await outputOf(null), { got: [] });
  assert.deepEqual(await outputOf(undefined), { got: [] });
});

test("without a body the items themselves are the result", async () => {
  const graph = draw("start>loop:done>end", {
    loop: each("{{ input }}"),
    end: transform("{{ nodes.loop }}"),
  });
  assert.deepEqual((await runGraph({ graph, execution: { input: [1, { a: 2 }] } })).output, [1, { a: 2 }]);
});

test("dead paths are those of the iteration: each item takes its own branch", async () => {
  const graph = draw("start>loop:item>if:true>big if:false>small big>join small>join", {
    loop: each("{{ input }}", 3),
    if: { type: "flow.condition", config: { when: "{{ item > 2 }}" } },
    big: transform("big"),
    small: transform("{{ 'small ' & $string(item) }}"),
    join: { type: "flow.merge" },
  });
  const { output, steps } = await runGraph({ graph, execution: { input: [1, 5, 2] } });
  assert.deepEqual(output, ["small 1", "big", "small 2"]);
  assert.deepEqual(steps.filter((step) => /^(big|small)/.test(step)).toSorted(), [
    "big[1]#1 succeeded",
    "small[0]#1 succeeded",
    "small[2]#1 succeeded",
  ]);
});

test("several branches that end in the body give an object per item", async () => {
  const graph = draw("start>loop:item>a loop:item>b", {
    loop: each("{{ input }}"),
    a: transform("{{ item }}"),
    b: transform("{{ index }}"),
  });
  const { output } = await runGraph({ graph, execution: { input: ["x", "y"] } });
  assert.deepEqual(output, [
    { a: "x", b: 0 },
    { a: "y", b: 1 },
  ]);
});

test("a failing item fails the execution by its node, and no further item is begun", async () => {
  const begun: unknown[] = [];
  const graph = draw("start>loop:item>work loop:done>end", {
    loop: each("{{ input }}", 1),
    work: { type: "test.pure", config: { n: "{{ item }}" } },
  });
  const work: Behaviour = (_, { n }) => {
    begun.push(n);
    if (n === 2) throw new Error("two is bad");
  };
  const { end, error, steps } = await runGraph({
    graph,
    behaviours: { work },
    execution: { input: [1, 2, 3, 4] },
  });
  assert.equal(end, "failed");
  assert.deepEqual(error, { code: "node_failed", message: "two is bad", nodeId: "work" });
  assert.deepEqual(begun, [1, 2]);
  assert.ok(!steps.some((step) => /^(loop|end)/.test(step)), steps.join());
});

test("a body node that continues on error leaves its error as that item's result", async () => {
  const graph = draw("start>loop:item>work", {
    loop: each("{{ input }}", 2),
    work: { type: "test.pure", config: { n: "{{ item }}" }, onError: "continue" },
  });
  const work: Behaviour = (_, { n }) => {
    if (n === 2) throw new Error("two is bad");
    return n;
  };
  const { output } = await runGraph({ graph, behaviours: { work }, execution: { input: [1, 2, 3] } });
  assert.deepEqual(output, [1, { error: { code: "node_failed", message: "two is bad" } }, 3]);
});

test("every iteration has its own idempotency key, nested ones too", async () => {
  const keys: string[] = [];
  const graph = draw("start>rows:item>cells:item>send", {
    rows: each("{{ input }}"),
    cells: each("{{ item }}"),
    send: { type: "test.idempotent" },
  });
  await runGraph({
    graph,
    behaviours: { send: ({ idempotencyKey }) => void keys.push(idempotencyKey) },
    execution: { input: [[1, 2], [3], [4, 5, 6]] },
  });
  assert.equal(new Set(keys).size, 6);
});

test("10,000 items end, each once, and leave nothing on the run's signal", async () => {
  let ran = 0;
  const { signal } = new AbortController();
  const { output } = await runGraph({
    graph: draw("start>loop:item>work loop:done>end", {
      loop: each("{{ input }}", 100),
      end: transform("{{ $count(nodes.loop) }}"),
    }),
    behaviours: {
      async work() {
        await turn();
        ran++;
      },
    },
    execution: { input: Array.from({ length: 10_000 }, (_, index) => index) },
    signal,
  });
  assert.equal(ran, 10_000);
  assert.equal(output, 10_000);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("the signal of a finished attempt can be collected", async () => {
  const seen: WeakRef<AbortSignal>[] = [];
  const controller = new AbortController();
  await runGraph({
    graph: draw("start>loop:item>work", { loop: each("{{ input }}", 10) }),
    behaviours: {
      async work({ signal }) {
        seen.push(new WeakRef(signal));
        await turn();
      },
    },
    execution: { input: Array.from({ length: 200 }, (_, index) => index) },
    signal: controller.signal,
  });
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) {
    await turn();
    collectGarbage();
  }
  const left = seen.filter((reference) => reference.deref()).length;
  assert.ok(left < 20, `${left} of 200 are still there`);
});
