import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { readDrawnGraph } from "../../domain/drawn-graph.ts";
import { defineNode } from "../../domain/node.ts";
import { checkConfigs } from "./check-configs.ts";
import { faults, graph, line, node, start } from "./sketch-graph.ts";
import { validateGraph } from "./validate-graph.ts";

test("configs: what is literal is checked, what is an expression is not", () => {
  const config = (type: string, given: unknown) => faults(graph([node("n", type, given)], "start>n"));
  const at = "nodes.1.data.config";
  assert.deepEqual(config("flow.condition", undefined), [`missing_config ${at}.when n`]);
  assert.deepEqual(faults({ nodes: [start, { id: "n", type: "http.request" }], edges: [line("start>n")] }), [
    `missing_config ${at}.url n`,
  ]);
  assert.deepEqual(config("flow.condition", { when: 1, wen: 1, wenn: "{{ 1 }}" }), [
    `unknown_config ${at}.wen n`,
    `unknown_config ${at}.wenn n`,
  ]);
  const call = {
    url: 5,
    method: "get",
    timeoutMs: "{{ 5 }}",
    headers: "{{ input.h }}",
    query: { a: "x{{ 1 }}", b: ["{{ 1 }}"] },
  };
  assert.deepEqual(config("http.request", call), [`bad_config ${at}.method n`, `bad_config ${at}.url n`]);
  assert.deepEqual(config("http.request", { url: "u", headers: { a: {} } }), [
    `bad_config ${at}.headers.a n`,
  ]);
  assert.deepEqual(config("flow.forEach", { items: "{{ [1] }}", concurrency: "{{ 1 }}" }), []);
  assert.deepEqual(config("flow.forEach", { items: 1, concurrency: 0 }), [`bad_config ${at}.concurrency n`]);
});

test("one of several forms, and rules over a whole value, wait for the expressions inside them", () => {
  const form = z.union([z.strictObject({ n: z.number() }), z.strictObject({ from: z.date() })]);
  const sorted = z.array(z.unknown()).refine((list) => list.length === 1 || list[0] === 1);
  const definition = defineNode({
    type: "x",
    title: "",
    category: "data",
    description: "",
    config: z.strictObject({ form: form.optional(), sorted: sorted.optional() }),
    inputs: ["in"],
    outputs: ["out"],
    effect: "pure",
  });
  const count = (config: unknown) =>
    checkConfigs(
      readDrawnGraph(graph([node("n", "x", config)]), (type) => (type === "x" ? definition : undefined)),
    ).length;
  assert.equal(count({ form: { n: "{{ 1 }}" }, sorted: ["{{ 1 }}", 2] }), 0);
  assert.equal(count({ form: { n: "{{ 1 }}", zz: 1 } }), 1);
  assert.equal(count({ form: { n: "1" } }), 1);
  assert.equal(count({ form: { m: "{{ 1 }}" } }), 1);
  assert.equal(count({ sorted: [2, 1] }), 1);
});

test("a key called __proto__ is data inside a value and an unknown key beside it", () => {
  const config = JSON.parse('{"value":{"__proto__":{"x":1}}}');
  const { graph: read, problems } = validateGraph(graph([node("a", "data.transform", config)], "start>a"));
  assert.deepEqual(problems, []);
  assert.equal(JSON.stringify(read?.nodes[1]?.data?.config), JSON.stringify(config));
  const beside = JSON.parse('{"value":1,"__proto__":{}}');
  assert.deepEqual(faults(graph([node("a", "data.transform", beside)], "start>a")), [
    "unknown_config nodes.1.data.config.__proto__ a",
  ]);
});
