// What a fork copies, seen over drawings: branches, loops, other versions, edited inputs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, type NodeData } from "../../test/support/engine.ts";
import type { Graph } from "./graph.ts";
import { type ForkRequest, planFork, planRetry } from "./plan-fork.ts";

const graph = (drawing: string, nodes: Record<string, NodeData> = {}) => {
  const start: Record<string, NodeData> = { start: { type: "trigger.manual" }, ...nodes };
  return draw(drawing, start) as Graph;
};
const plan = (source: Graph, fromNode: string, rest: Partial<ForkRequest> = {}) =>
  planFork({ source, target: source, fromNode, trigger: null, inputChanged: false, ...rest });
const finished = (...given: Parameters<typeof plan>) => plan(...given).finished.sort();
const problemOf = (...given: Parameters<typeof plan>) => {
  try {
    return void plan(...given);
  } catch (error) {
    const { code, problems } = error as { code: string; problems: { path: string; message: string }[] };
    return `${code} ${problems[0]?.path}: ${problems[0]?.message}`;
  }
};

test("all that the node does not lead to is copied, branches beside it too", () => {
  const drawn = graph("start>a>b>c start>x>y y>c");
  assert.deepEqual(finished(drawn, "b"), ["a", "start", "x", "y"]);
  assert.deepEqual(finished(drawn, "c"), ["a", "b", "start", "x", "y"]);
  assert.deepEqual(finished(drawn, "start"), []);
});

test("what is in doubt keeps its key wherever it stands, unless it has become another type or is gone", () => {
  const one = graph("start>a>b>c>d", { d: { type: "http.request" } });
  const other = graph("start>a>b>d", { b: { type: "http.request" }, d: { type: "http.request" } });
  assert.deepEqual(plan(one, "c").inDoubt.sort(), ["a", "b", "c", "d", "start"]);
  assert.deepEqual(plan(one, "d", { target: other }).inDoubt.sort(), ["a", "d", "start"]);
});

test("of another version only nodes that say the same are copied; looks and retries do not count", () => {
  const one = graph("start>a>b>c>d", {
    a: { type: "data.transform", config: { value: 1, other: 2 } },
    b: { type: "data.transform", config: { value: 1 } },
    c: { type: "data.transform", config: { value: 1 } },
  });
  const other = graph("start>a>b>c>new>d", {
    a: { type: "data.transform", config: { other: 2, value: 1 }, label: "A", retry: { maxAttempts: 5 } },
    b: { type: "data.transform", config: { value: 2 } },
    c: { type: "data.transform", config: { value: 1 } },
  });
  assert.deepEqual(finished(one, "d", { target: other }), ["a", "c", "start"]);
  const edit = { config: { value: 1 } };
  const changes: Record<string, unknown>[] = [
    { credentials: { auth: "0190a000-0000-7000-8000-000000000001" } },
    { onError: "continue" },
    { pinned: null },
  ];
  for (const change of changes) {
    const changed = graph("start>a>d", { a: { type: "data.transform", ...edit, ...change } });
    const plain = graph("start>a>d", { a: { type: "data.transform", ...edit } });
    assert.deepEqual(finished(plain, "d", { target: changed }), ["start"], JSON.stringify(change));
  }
});

const LOOP = "start>list>each each:item>a>b>c each:done>after start>side";
const loop = (config = {}) => ({ each: { type: "flow.forEach", config } });

test("from a node of a loop's body the loop goes through its items again, and what ran before the node is kept", () => {
  const drawn = graph(LOOP, loop());
  assert.deepEqual(finished(drawn, "b"), ["a", "list", "side", "start"]);
  assert.deepEqual(finished(drawn, "after"), ["a", "b", "c", "each", "list", "side", "start"]);
});

test("steps of a loop are not copied when its items may be others: they are known by their place only", () => {
  const drawn = graph(LOOP, loop());
  assert.deepEqual(finished(drawn, "b", { inputChanged: true }), ["list", "side", "start"]);
  const other = graph(LOOP, loop({ items: [1] }));
  assert.deepEqual(finished(drawn, "b", { target: other }), ["list", "side", "start"]);
  const before = graph(LOOP, { ...loop(), list: { type: "data.transform" } });
  assert.deepEqual(finished(drawn, "b", { target: before }), ["side", "start"]);
  assert.deepEqual(plan(drawn, "b", { inputChanged: true }).inDoubt.sort(), [
    "after",
    "each",
    "list",
    "side",
    "start",
  ]);
  const moved = graph("start>list>each each:item>b>c each:done>after start>a", loop());
  assert.ok(!finished(drawn, "c", { target: moved }).includes("a"));
});

test("a node whose failure is handled counts as finished", () => {
  const drawn = graph("start>a>b a:error>c", { a: { type: "test.pure", onError: "error" } });
  assert.deepEqual(plan(drawn, "c").handled, ["a"]);
  assert.deepEqual(plan(drawn, "a").handled, []);
});

test("where nothing can start it is refused, with the place", () => {
  const drawn = graph("start>a hook>b", { hook: { type: "trigger.webhook" } });
  assert.match(problemOf(drawn, "zz") ?? "", /^invalid_fork fromNode: .* no node zz$/);
  assert.match(problemOf(drawn, "b") ?? "", /^invalid_fork fromNode: Nothing leads from the trigger start/);
  assert.equal(problemOf(drawn, "b", { trigger: "hook" }), undefined);
  assert.match(
    problemOf(drawn, "a", { trigger: "gone" }) ?? "",
    /^invalid_fork version: .* trigger node gone$/,
  );
});

test("S82: a word is copied with what it led to, and never to lead to anything again", () => {
  const ask = { type: "flow.approval", config: { message: "Pay?" } };
  const drawn = graph("start>a>ask>paid>d start>beside>e", { ask });
  const all = ["a", "ask", "beside", "d", "e", "paid", "start"];
  assert.deepEqual(
    finished(drawn, "beside"),
    all.filter((id) => id !== "beside" && id !== "e"),
  );
  for (const fromNode of ["d", "paid", "ask"]) {
    assert.deepEqual(finished(drawn, fromNode), ["a", "beside", "e", "start"], fromNode);
  }
  assert.deepEqual(finished(drawn, "e", { inputChanged: true }), ["a", "beside", "start"]);
  const changed = (id: string) =>
    graph("start>a>ask>paid>d start>beside>e", { ask, [id]: { type: "test.pure", config: { more: 1 } } });
  assert.deepEqual(finished(drawn, "e", { target: changed("a") }), ["beside", "start"]);
  assert.deepEqual(finished(drawn, "e", { target: changed("d") }), ["a", "beside", "start"]);
  assert.deepEqual(finished(drawn, "e", { target: changed("beside") }), ["a", "ask", "d", "paid", "start"]);
  const moved = graph("start>a>ask ask>d a>paid start>beside>e", { ask });
  assert.deepEqual(finished(drawn, "e", { target: moved }), ["a", "beside", "paid", "start"]);
  const inLoop = graph("start>each>d each:item>ask>paid", {
    each: { type: "flow.forEach", config: { items: [1] } },
    ask,
  });
  assert.deepEqual(finished(inLoop, "d", { inputChanged: true }), ["start"]);
  assert.deepEqual(finished(inLoop, "d"), ["ask", "each", "paid", "start"]);
});

test("S82: of approvals one after the other all are asked again when what follows the last one runs again", () => {
  const ask = { type: "flow.approval", config: { message: "Pay?" } };
  const drawn = graph("start>first>second>paid", { first: ask, second: ask });
  assert.deepEqual(finished(drawn, "paid"), ["start"]);
});

test("S82: a second retry takes no word over, nor what it led to", () => {
  const ask = { type: "flow.approval", config: { message: "Pay?" } };
  const drawn = graph("start>a>ask>paid start>beside", {
    ask,
    paid: { type: "test.pure", onError: "continue" },
  });
  assert.deepEqual(planRetry(drawn, true), { finished: null, handled: ["paid"] });
  assert.deepEqual(planRetry(drawn, false), { finished: ["start", "a", "beside"], handled: [] });
  const plain = graph("start>a", {});
  assert.deepEqual(planRetry(plain, false), { finished: null, handled: [] });
});
