// Configs with expressions: all faults at once, values with their types, missing values, and no second evaluation.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createEvaluator } from "./evaluator.ts";
import { compileConfig, findConfigProblems, resolveConfig } from "./resolve-config.ts";
import type { Scope } from "./scope.ts";

const evaluator = createEvaluator({ poolSize: 1 });
after(() => evaluator.close());

const scope: Scope = {
  input: { qty: 2, price: 3, name: "Ann", none: null, tags: ["a", "b"], evil: "{{ 7 * 7 }}" },
  nodes: { total: { sum: 0.1 } },
  trigger: null,
  execution: { id: "e", startedAt: "2026-01-01T00:00:00.000Z" },
};
const resolve = (config: unknown) => resolveConfig(compileConfig(config), scope, evaluator, "node");

test("a whole expression keeps its type, anything else is joined as text", () => {
  const config = {
    total: "{{ input.qty * input.price }}",
    list: " {{ input.tags }} ",
    text: "Dear {{ input.name }}, {{ input.none }}{{ input.missing }}you owe {{ nodes.total.sum + 0.2 }} {{ input.tags }}",
    literal: '{{ "{{" }} stays }}',
    plain: [1, true, null, "x"],
    nested: [{ a: "{{ true }}" }],
  };
  assert.deepEqual(resolve(config), {
    total: 6,
    list: ["a", "b"],
    text: 'Dear Ann, you owe 0.3 ["a","b"]',
    literal: "{{ stays }}",
    plain: [1, true, null, "x"],
    nested: [{ a: true }],
  });
  assert.equal(resolve("{{ input.qty }}"), 2);
  assert.equal(resolve(7), 7);
});

test("a missing value leaves its key out, and is null in an array", () => {
  assert.deepEqual(resolve({ a: "{{ input.missing }}", b: ["{{ input.missing }}", 1], c: "{{ null }}" }), {
    b: [null, 1],
    c: null,
  });
  assert.equal(resolve("{{ input.missing }}"), undefined);
});

test("it answers at once unless an expression needs an isolated process", async () => {
  assert.ok(!(resolve({ a: "{{ input.qty }}" }) instanceof Promise));
  const config = {
    a: "{{ $sum([input.qty, 1]) }}",
    b: "{{ input.qty }}",
    c: "n={{ $count(input.tags) }}",
    d: "{{ $lookup(input, 'x') }}",
  };
  const pending = resolve(config);
  assert.ok(pending instanceof Promise);
  assert.deepEqual(await pending, { a: 3, b: 2, c: "n=2" });
});

test("text out of data is never an expression", async () => {
  assert.deepEqual(resolve({ a: "{{ input.evil }}", b: "<{{ input.evil }}>" }), {
    a: "{{ 7 * 7 }}",
    b: "<{{ 7 * 7 }}>",
  });
  assert.deepEqual(await resolve({ a: "{{ $string(input.evil) }}" }), { a: "{{ 7 * 7 }}" });
  const again = compileConfig({ a: "{{ input.evil }}" });
  assert.equal(again.expressions.length, 1);
});

test("all faults are reported at once, with paths and positions in their strings", () => {
  const config = {
    value: { total: "{{ input.a + }}" },
    cases: [{ when: "ok {{ 1 }} {{ ) }}" }, { when: "{{ open" }],
    good: "{{ 1 }}",
  };
  const problems = findConfigProblems(config);
  assert.deepEqual(
    problems.map(({ path, code, position }) => [path, code, position]),
    [
      ["value.total", "expression_syntax", 13],
      ["cases.0.when", "expression_syntax", 15],
      ["cases.1.when", "expression_syntax", 0],
    ],
  );
  assert.throws(
    () => compileConfig(config),
    (error: { code: string; problems: unknown[] }) => {
      assert.equal(error.code, "expression_syntax");
      assert.equal(error.problems.length, 3);
      return true;
    },
  );
  assert.deepEqual(findConfigProblems({ good: "{{ 1 }}" }), []);
});

test("references are the union of all strings", () => {
  const { references } = compileConfig({ a: "{{ input.x }} {{ nodes.n.y }}", b: ["{{ $sum(nodes.m) }}"] });
  assert.deepEqual(references, {
    roots: ["input", "nodes"],
    nodes: ["n", "m"],
    dynamicNodes: false,
    wholeScope: false,
  });
});

test("a failure says where in the config", async () => {
  assert.throws(() => resolve({ a: { b: "{{ 1 + 'x' }}" } }), {
    code: "expression_failed",
    message: /^a\.b: /,
  });
  await assert.rejects(async () => resolve({ a: ["{{ $sum('x' & 1) }}"] }), {
    details: { path: "a.0", jsonataCode: "T0412", position: 6 },
  });
});

test("a key __proto__ stays data, and nothing is inherited", () => {
  const config: unknown = JSON.parse('{"__proto__": {"a": "{{ 1 }}"}, "b": "{{ 2 }}"}');
  const resolved = resolve(config) as object;
  assert.deepEqual(Object.keys(resolved), ["__proto__", "b"]);
  assert.equal(Reflect.get(resolved, "a"), undefined);
});

test("two random numbers in one config differ, and come again", async () => {
  const config = { a: "{{ $random() }}", b: "{{ $random() }}", c: "{{ $random() }}-{{ $random() }}" };
  const first = (await resolve(config)) as { a: number; b: number; c: string };
  assert.notEqual(first.a, first.b);
  assert.notEqual(first.c.split("-")[0], first.c.split("-")[1]);
  assert.deepEqual(await resolve(config), first);
});

test("a config nested too deeply is a problem, not a stack overflow", () => {
  let config: unknown = "{{ 1 }}";
  for (let i = 0; i < 5_000; i++) config = [config];
  assert.equal(findConfigProblems(config).length, 1);
});

test("A35: what stands under a literal key is taken as it is written, at the top only", () => {
  const literal = { source: "javascript" } as const;
  const config = { source: "return `{{ 7*7 }}` + {{", other: "{{ 7*7 }}", deep: { source: "{{ 1 + 1 }}" } };
  const compiled = compileConfig(config, literal);
  const resolved = { source: config.source, other: 49, deep: { source: 2 } };
  assert.deepEqual(resolveConfig(compiled, scope, evaluator), resolved);
  assert.throws(() => compileConfig(config), { code: "expression_syntax" });
});
