// The permanent corpus of attacks on expressions, and what must hold while and after they run.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type CompiledExpression, compileExpression } from "../../core/expression/compile-expression.ts";
import { createEvaluator } from "../../core/expression/evaluator.ts";
import type { Scope } from "../../core/expression/scope.ts";
import corpus from "./expression-attacks.json" with { type: "json" };

// Behind a name, because a literal key looks like a mistake to the linter; here it is the attack.
const THEN = "then";
process.env.ATELIER_TEST_CANARY = "canary-value";
const evaluator = createEvaluator({ poolSize: 2 });
after(() => evaluator.close());

const lambda = { _jsonata_lambda: true, arguments: [], body: { type: "number", value: 49 }, environment: {} };
const scope: Scope = {
  // As a request body would bring it: JSON.parse makes `__proto__` an own property.
  input: JSON.parse(
    JSON.stringify({
      text: "7*7",
      template: "{{7*7}}",
      list: [{ a: 1 }],
      big: "x".repeat(1_000_000),
      thenable: { [THEN]: "x", toJSON: "y", valueOf: "z" },
    }),
  ),
  nodes: {},
  trigger: null,
  execution: { id: "attacks", startedAt: "2026-01-01T00:00:00.000Z" },
};
const poisoned: Scope = {
  ...scope,
  input: { lambda, stream: { tupleStream: true, sum: 1, "@": { a: "hijacked" } } },
};

async function outcome(source: string, data: Scope): Promise<unknown> {
  try {
    const compiled: CompiledExpression = compileExpression(source);
    return (await evaluator.evaluate(compiled, data)) ?? null;
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}

for (const [index, { id, source, expect }] of corpus.entries()) {
  test(`${id}: expression ${index + 1}, ${source.slice(0, 80)}`, async () => {
    const usesPoison = source.includes("lambda") || source.includes("stream");
    const got = await outcome(source, usesPoison ? poisoned : scope);
    if (expect !== "any") assert.deepEqual(got, expect);
    assert.ok(!JSON.stringify(got).includes("canary-value"));
    // What it did to its own process must not be seen by the next one, nor here.
    assert.equal(await outcome("$exists({}.polluted) or $sum([1, 1]) != 2", scope), false);
    assert.equal(Reflect.get({}, "polluted"), undefined);
  });
}

test("A37: what data carries is never called: toJSON, valueOf, then, getters of classes", async () => {
  const calls: string[] = [];
  const trap = (name: string) => () => {
    calls.push(name);
    return 49;
  };
  const input = { evil: { toJSON: trap("toJSON"), valueOf: trap("valueOf"), toString: trap("toString") } };
  const thenable = { evil: { [THEN]: trap(THEN) } };
  const dates = { evil: new Date(0) };
  for (const data of [input, thenable, dates]) {
    for (const source of [
      "input.evil",
      "input.evil & ''",
      "[input.evil]",
      "$string(input.evil)",
      "$keys(input)",
    ]) {
      const got = await outcome(source, { ...scope, input: data });
      const allowed = ["expression_failed", '"1970-01-01T00:00:00.000Z"', "evil"];
      assert.ok(typeof got === "string" && allowed.includes(got), `${source}: ${String(got)}`);
    }
  }
  assert.deepEqual(calls, []);
});

test("A37: a comparison of data with hostile keys stays a comparison", async () => {
  const hostile: unknown = JSON.parse(
    '{"a": {"__proto__": {"x": 1}, "constructor": 1}, "b": {"__proto__": {"x": 1}, "constructor": 1}}',
  );
  assert.equal(await outcome("input.a = input.b", { ...scope, input: hostile }), true);
  assert.equal(await outcome("input.a.__proto__.x", { ...scope, input: hostile }), 1);
  assert.deepEqual(await outcome("$keys(input.a)", { ...scope, input: hostile }), [
    "__proto__",
    "constructor",
  ]);
});

test("A36: data nested beyond any stack is a limit, not a crash", async () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  for (const source of [
    "input",
    "input & ''",
    "input = input",
    "[input]",
    "input.a",
    "input ? 1 : 2",
    "[input] = [[input]]",
  ]) {
    const got = await outcome(source, { ...scope, input: deep });
    assert.ok(
      ["expression_limit", "expression_failed", null, true, false, 1, 2].includes(got as string),
      `${source}: ${String(got)}`,
    );
  }
  for (const source of ["$count(input)", "$string(input)"]) {
    const got = await outcome(source, { ...scope, input: deep });
    assert.ok(got === "expression_limit" || got === "expression_failed", `${source}: ${String(got)}`);
  }
});

test("A36: endless expressions do not hold up the event loop or those who come after", async () => {
  const endless = compileExpression("($f := function(){ $f() }; $f())");
  const quick = compileExpression("$sum(input)");
  let turns = 0;
  const turning = setInterval(() => turns++, 5);
  const bombs = Array.from({ length: 4 }, () => evaluator.evaluate(endless, scope));
  const others = Array.from({ length: 50 }, (_, i) => evaluator.evaluate(quick, { ...scope, input: [i, 1] }));
  const results = await Promise.allSettled(bombs as Promise<unknown>[]);
  clearInterval(turning);
  for (const result of results) {
    assert.equal(result.status, "rejected");
    assert.equal((result.reason as { code: string }).code, "expression_limit");
  }
  assert.deepEqual(
    await Promise.all(others),
    Array.from({ length: 50 }, (_, i) => i + 1),
  );
  // Two seconds of two processes at full load: a blocked loop would have turned a handful of times.
  assert.ok(turns > 50, `${turns} turns`);
});
