import assert from "node:assert/strict";
import { test } from "node:test";
import { faults, graph, loop, messageOf, node, value } from "./sketch-graph.ts";
import { validateGraph } from "./validate-graph.ts";

test("an expression that cannot be read is named with its position", () => {
  const nodes = [value("a", { deep: ["{{ input.x }}", "sum: {{ 1 + }}"] })];
  const { problems } = validateGraph(graph(nodes, "start>a"));
  assert.equal(problems.length, 1);
  assert.equal(problems[0]?.code, "expression_syntax");
  assert.equal(problems[0]?.path, "nodes.1.data.config.value.deep.1");
  assert.ok((problems[0]?.position ?? 0) >= "sum: {{ 1".length);
});

test("references: only to nodes that run before, and to names there are", () => {
  const nodes = [
    value("a", "{{ nodes.b }}"),
    value("b", "{{ nodes.a.x & nodes.start.y & nodes.zz }}"),
    value("c", "{{ a & nodes.c }}"),
  ];
  const candidate = graph(nodes, "start>a", "a>b", "start>c");
  assert.deepEqual(faults(candidate), [
    "reference_not_upstream nodes.1.data.config.value a",
    "unknown_reference nodes.2.data.config.value b",
    "unknown_name nodes.3.data.config.value c",
    "reference_not_upstream nodes.3.data.config.value c",
  ]);
  assert.match(messageOf(candidate, "unknown_name"), /nodes\.a/);
});

test("loops: the body sees out, nobody sees in, and item is theirs alone", () => {
  const expression = "{{ nodes.before & nodes.first & item & index }}";
  const good = [
    value("before"),
    loop("each"),
    value("first", "{{ item }}"),
    value("second", expression),
    value("after", "{{ nodes.each[0] }}"),
  ];
  const lines = ["start>before", "before>each", "each:item>first", "first>second", "each:done>after"];
  assert.deepEqual(faults(graph(good, ...lines)), []);
  const bad = [
    value("before", "{{ item }}"),
    loop("each"),
    value("first", "{{ nodes.each }}"),
    value("second"),
    value("after", "{{ nodes.first }}"),
  ];
  assert.deepEqual(faults(graph(bad, ...lines)), [
    "item_outside_loop nodes.1.data.config.value before",
    "reference_in_loop nodes.3.data.config.value first",
    "reference_in_loop nodes.5.data.config.value after",
  ]);
});

test("loops: nested bodies see all around them, the config of a loop does not see its own item", () => {
  const inner = node("inner", "flow.forEach", { items: "{{ item.list }}" });
  const nodes = [
    node("outer", "flow.forEach", { items: "{{ item }}" }),
    value("a"),
    inner,
    value("b", "{{ nodes.a & item }}"),
    value("c", "{{ nodes.inner }}"),
  ];
  const lines = ["start>outer", "outer:item>a", "a>inner", "inner:item>b", "inner:done>c"];
  assert.deepEqual(faults(graph(nodes, ...lines)), ["item_outside_loop nodes.1.data.config.items outer"]);
});

test("more expressions than can be read in good time are one problem", () => {
  const many = (count: number) => graph([value("a", Array(count / 10).fill("{{1}}".repeat(10)))], "start>a");
  assert.deepEqual(faults(many(10_000)), []);
  assert.deepEqual(faults(many(10_010)), ["too_many_expressions nodes -"]);
});
