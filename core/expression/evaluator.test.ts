// The isolated path: limits, pinned time and chance, failures of processes, and a pool that leaves nothing behind.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { compileExpression } from "./compile-expression.ts";
import { createEvaluator } from "./evaluator.ts";
import type { Scope } from "./scope.ts";

const evaluator = createEvaluator({ poolSize: 2 });
after(() => evaluator.close());

const scope: Scope = {
  input: {
    items: [
      { p: 1, q: 2 },
      { p: 3, q: 4 },
    ],
    word: "Aabbcc",
  },
  nodes: { total: { sum: 9 } },
  trigger: null,
  execution: { id: "0198c0de-0000-7000-8000-000000000001", startedAt: "2026-02-03T04:05:06.000Z" },
};

function run(source: string, seed?: string, data: Scope = scope): unknown {
  return evaluator.evaluate(compileExpression(source), data, seed);
}

test("a closure answers at once, the rest as a promise of plain data", async () => {
  assert.equal(run("input.items[0].p + nodes.total.sum"), 10);
  const isolated = run("input.items[p > 1].{'n': q}");
  assert.ok(isolated instanceof Promise);
  assert.deepEqual(await isolated, { n: 4 });
  const sequence = await run("input.items[p > 0].q");
  assert.deepEqual(Reflect.ownKeys(sequence as object), ["0", "1", "length"]);
  assert.equal(Object.getPrototypeOf(await run("$merge([{'a': 1}])")), Object.prototype);
  assert.equal(await run("$lookup(input, 'nothing')"), undefined);
  assert.equal(await run("$sum(input.items.(p * q))"), 14);
});

test("regular expressions run on RE2 as JSONata expects them", async () => {
  assert.deepEqual(await run("$match(input.word, /([ab])b?/i).match"), ["A", "ab", "b"]);
  assert.deepEqual(await run('$match("a1b22", /([a-z])([0-9]+)/).groups'), ["a", "1", "b", "22"]);
  assert.equal(await run('$replace("John Smith", /(\\w+)\\s(\\w+)/, "$2, $1")'), "Smith, John");
  assert.deepEqual(await run('$split("a, b;c", /[,;]\\s*/)'), ["a", "b", "c"]);
  assert.equal(await run('$contains("x\\ny", /^y$/m)'), true);
  assert.equal(await run('$contains("x\\ny", /^y$/)'), false);
  assert.deepEqual(await run('$match("aXbX", /(?:^|[ab])X/).index'), [0, 2]);
  assert.deepEqual(await run('$match("aa", /^a/).index'), 0);
  assert.equal(await run('$match("abc", /b(x)?/).groups[0]'), undefined);
});

test("time and chance belong to the execution, not to the machine", async () => {
  assert.equal(await run("$now()"), "2026-02-03T04:05:06.000Z");
  assert.equal(await run("$now('[Y]/[M01]', '+0200')"), "2026/02");
  assert.equal(await run("$millis()"), Date.parse(scope.execution.startedAt));
  assert.equal(await run("$fromMillis($toMillis('13:00', '[H]:[m]'))"), "2026-02-03T13:00:00.000Z");
  const first = await run("[$random(), $random(), $shuffle([1..9])]", "node/0");
  assert.deepEqual(await run("[$random(), $random(), $shuffle([1..9])]", "node/0"), first);
  assert.notDeepEqual(await run("[$random(), $random(), $shuffle([1..9])]", "node/1"), first);
  const other = { ...scope, execution: { ...scope.execution, id: "other" } };
  assert.notDeepEqual(await run("$random()", "node/0", other), await run("$random()", "node/0"));
  const [a, b] = first as [number, number];
  assert.ok(a >= 0 && a < 1 && a !== b);
});

test("errors say what, where and which limit", async () => {
  await assert.rejects(async () => run("$sum('a' & 1)"), {
    code: "expression_failed",
    retryable: false,
    details: { jsonataCode: "T0412", position: 5 },
  });
  await assert.rejects(async () => run("input.items ~> $nothing()"), { code: "expression_failed" });
  await assert.rejects(async () => run("$error('my own words')"), /my own words/);
  assert.throws(() => run("1 + 'a'"), { details: { jsonataCode: "T2002", position: 3 } });
  const limits: ReadonlyArray<readonly [string, string]> = [
    ["($f := function(){ $f() }; $f())", "time"],
    ["[1..1e7]", "memory"],
    ["$pad('', 5300000, 'x')", "output"],
    ["$reduce([1..300], function($a, $v){ {'a': $a} }, 1)", "depth"],
    ["[1..1e9]", "sequence"],
  ];
  for (const [source, limit] of limits) {
    await assert.rejects(
      async () => run(source),
      { code: "expression_limit", retryable: false, details: { limit } },
      source,
    );
  }
});

test("closures have limits of output and work", () => {
  const small = createEvaluator({ maxOutputBytes: 1_000 });
  const numbers = Array.from({ length: 30_000 }, (_, i) => ({ a: i }));
  const evaluate = (source: string) =>
    small.evaluate(compileExpression(source), { ...scope, input: numbers });
  assert.throws(() => evaluate("input"), { code: "expression_limit", details: { limit: "output" } });
  assert.throws(() => evaluate("input.a & ''"), { code: "expression_limit", details: { limit: "output" } });
  const many = `[${Array.from({ length: 200 }, () => "input.a = input.a").join(", ")}]`;
  assert.throws(() => evaluate(many), { code: "expression_limit", details: { limit: "work" } });
  assert.equal(evaluate("input[29999].a"), 29_999);
});

test("data that cannot be sent fails alone", async () => {
  const bad = { ...scope, input: { f: () => 1 } };
  await assert.rejects(async () => run("$keys(input)", "", bad), { code: "expression_failed" });
  assert.equal(await run("$count(input.items)"), 2);
});

test("closing rejects what waits, and afterwards nothing starts", async () => {
  const short = createEvaluator({ poolSize: 1 });
  const endless = compileExpression("($f := function(){ $f() }; $f())");
  const waiting = [short.evaluate(endless, scope), short.evaluate(endless, scope)] as Promise<unknown>[];
  const settled = Promise.allSettled(waiting);
  await short.close();
  for (const result of await settled) {
    assert.equal((result as PromiseRejectedResult).reason.retryable, true);
  }
  await assert.rejects(async () => short.evaluate(endless, scope), { code: "expression_busy" });
});

test("an evaluator that was used and not closed lets its process end, and its children end with it", async () => {
  const script = `
    import { createEvaluator } from "#core/expression/evaluator.ts";
    import { compileExpression } from "#core/expression/compile-expression.ts";
    const scope = { input: [1, 2], nodes: {}, trigger: null, execution: { id: "e", startedAt: "2026-01-01T00:00:00Z" } };
    console.log(await createEvaluator().evaluate(compileExpression("$sum(input)"), scope));
  `;
  const args = ["--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
  assert.equal(stdout, "3\n");
});
