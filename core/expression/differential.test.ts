// Closures must answer exactly as JSONata does: random trees on random data, and a table of the known corners.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import jsonata from "jsonata";
import { compileExpression } from "./compile-expression.ts";
import type { Scope } from "./scope.ts";

type Outcome = { readonly value: unknown } | { readonly code: string };

const NAMES = ["a", "b", "items", "0", "length", "sequence"];

/** What JSONata itself answers, with our one addition: a number that JSON does not have is D1001. */
async function askJsonata(source: string, scope: Scope): Promise<Outcome> {
  try {
    const value: unknown = await jsonata(source).evaluate(structuredClone(scope));
    if (hasBadNumber(value)) return { code: "D1001" };
    return { value: plain(value) };
  } catch (error) {
    return { code: String((error as { code?: unknown }).code) };
  }
}

function askClosure(source: string, scope: Scope): Outcome {
  const compiled = compileExpression(source);
  assert.equal(compiled.kind, "closure", source);
  try {
    return { value: plain(compiled.evaluateClosure?.(scope)) };
  } catch (error) {
    const details = (error as { details?: { jsonataCode?: unknown } }).details;
    return { code: String(details?.jsonataCode ?? error) };
  }
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function hasBadNumber(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) ? value.some(hasBadNumber) : Object.values(value).some(hasBadNumber);
}

const leaf = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 2, -1, 1.5, 0.1, 1e308, -0.5, 100) },
  { weight: 2, arbitrary: fc.constantFrom("", "x", "a", "1", "ü", "b c") },
  { weight: 2, arbitrary: fc.constantFrom(true, false, null) },
);
const { data } = fc.letrec((tie) => ({
  data: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    leaf,
    fc.array(tie("data"), { maxLength: 4 }),
    fc.array(fc.dictionary(fc.constantFrom(...NAMES), tie("data"), { maxKeys: 3 }), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie("data"), { maxKeys: 4 }),
  ),
}));

const name = fc.constantFrom("a", "b", "items", "`0`", "length", "missing", "`and`");
const step = fc
  .tuple(name, fc.constantFrom("", "", "", "", "[0]", "[1]", "[-1]", "[]", "[0][0]", "[0][]", "[1.7]"))
  .map(([field, suffix]) => field + suffix);
const path = fc
  .tuple(
    fc.constantFrom("input", "nodes.n", "trigger", "item", "input[0]", "nowhere"),
    fc.array(step, { maxLength: 4 }),
  )
  .map(([root, steps]) => [root, ...steps].join("."))
  // JSONata reads a slash after `[]` as the start of a regex.
  .map((source) => (source.endsWith("[]") ? `(${source})` : source));
const literal = fc.oneof(
  fc.constantFrom("0", "1", "2.5", "-3", "1e308", "0.1", "true", "false", "null"),
  fc.constantFrom('""', '"x"', '"a"', "'b'", '"\\u00fc"', '"["'),
);
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    { weight: 4, arbitrary: path },
    { weight: 2, arbitrary: literal },
    {
      weight: 6,
      arbitrary: fc
        .tuple(
          tie("expression"),
          fc.constantFrom(..."+ - * / % = != < <= > >= & and or in".split(" ")),
          tie("expression"),
        )
        .map(([lhs, operator, rhs]) => `(${lhs} ${operator} ${rhs})`),
    },
    { weight: 1, arbitrary: tie("expression").map((inner) => `-(${inner})`) },
    { weight: 1, arbitrary: tie("expression").map((inner) => `$exists(${inner})`) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie("expression"), tie("expression"), fc.option(tie("expression")))
        .map(([when, then, other]) => `(${when} ? ${then}${other === null ? "" : ` : ${other}`})`),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie("expression"), fc.constantFrom("?:", "??"), tie("expression"))
        .map(([lhs, operator, rhs]) => `(${lhs} ${operator} ${rhs})`),
    },
    {
      weight: 3,
      arbitrary: fc.array(tie("expression"), { maxLength: 4 }).map((members) => `[${members.join(", ")}]`),
    },
    {
      weight: 3,
      arbitrary: fc
        .array(
          fc.tuple(
            fc.constantFrom('"a"', '"b"', '"__proto__"', "input.a", '("k" & input.b)'),
            tie("expression"),
          ),
          {
            maxLength: 3,
          },
        )
        .map((pairs) => `{${pairs.map(([key, value]) => `${key}: ${value}`).join(", ")}}`),
    },
  ),
}));

function toScope(input: unknown, node: unknown, trigger: unknown): Scope {
  return {
    input,
    nodes: { n: node },
    trigger,
    execution: { id: "e", startedAt: "2026-01-01T00:00:00.000Z" },
  };
}

/** Members of arrays and objects are evaluated in parallel by JSONata: of several faults either may win there. */
function assertSame(ours: Outcome, theirs: Outcome, source: string, scope: Scope): void {
  const where = `${source}\n${JSON.stringify(scope)}`;
  if ("code" in ours && "code" in theirs && /[[{]/.test(source)) return;
  assert.deepEqual(ours, theirs, where);
}

test("closures agree with JSONata on 12,000 random trees and data", async () => {
  let values = 0;
  let faults = 0;
  const property = fc.asyncProperty(expression, data, data, data, async (source, input, node, trigger) => {
    const scope = toScope(input, node, trigger);
    const theirs = await askJsonata(source, scope);
    if ("code" in theirs) faults++;
    else if (theirs.value !== undefined) values++;
    assertSame(askClosure(source, scope), theirs, source, scope);
  });
  await fc.assert(property, { numRuns: 12_000 });
  // The generator must not drift into cases that say nothing.
  assert.ok(values > 3_000, `${values} values`);
  assert.ok(faults > 1_000, `${faults} faults`);
});

const CORNER_DATA = {
  one: [5],
  many: [{ a: 1 }, { a: [2, 3] }, { b: 4 }],
  nested: [[{ a: 1 }, { a: 2 }], [{ a: 3 }]],
  deep: [[[1, 2]]],
  empty: [],
  text: "x",
  zero: 0,
  nothing: null,
  object: { constructor: 1, k: "v" },
  arrayInArray: [{ a: [[1, 2]] }],
};
const CORNERS = [
  "input.one",
  "input.one[0]",
  "input.many.a",
  "input.many.a[0]",
  "input.many.a[]",
  "input.many[0].a[]",
  "input.many[1].a",
  "input.many.missing",
  "input.many.missing[]",
  "input.nested.a",
  "input.nested[0].a",
  "input.nested[0][1].a",
  "input.deep[0]",
  "input.deep[0][0]",
  "input.deep[0][0][1]",
  "input.arrayInArray.a",
  "input.arrayInArray.a[0]",
  "input.empty",
  "input.empty.a",
  "input.empty[0]",
  "input.text[0]",
  "input.text[1]",
  "input.text.length",
  "input.object.constructor",
  "input.object.toString",
  "[input.one, input.many.a, [1], [[2]]]",
  "[input.missing, null]",
  '{"a": input.missing, "b": null}',
  '{"a": 1, "a": 2}',
  "{input.zero: 1}",
  "{input.missing: 1}",
  "input.missing = input.missing",
  "input.missing != 1",
  "1 = '1'",
  "null = null",
  "[1] = 1",
  "input.object = {'k': 'v', 'constructor': 1}",
  "input.missing + 1",
  "null + 1",
  "1 + null",
  "1e308 * 10",
  "1e308 * 10 + 1",
  "1 / 0",
  "0 / 0",
  "0 / 0 = 0 / 0",
  "[0/0] & ''",
  "(1/0) & ''",
  "5 % 0",
  "0.1 + 0.2",
  "(0.1 + 0.2) & ''",
  "1 < 'a'",
  "null < 1",
  "input.missing < 1",
  "input.missing < null",
  "'b' > 'a'",
  "input.missing & 1 & null & true",
  "input.many & ''",
  "1 in [1, 2]",
  "1 in 1",
  "input.missing in [1]",
  "[] and true",
  "input.many or false",
  "(1/0) or true",
  "[1, 1/0] or false",
  "'' or 0",
  "-input.missing",
  "-input.text",
  "- -1",
  "input.zero ? 1",
  "[0, 1] ? 'y' : 'n'",
  "[[0]] ? 'y' : 'n'",
  "{} ? 'y' : 'n'",
  "input.missing ?? 'd'",
  "input.nothing ?? 'd'",
  "input.nothing ?: 'd'",
  "$exists(input.nothing)",
  "and",
  "input.`and`",
  "()",
  "''",
];

test("closures agree with JSONata on the known corners", async () => {
  const scope = toScope(CORNER_DATA, null, undefined);
  for (const source of CORNERS.filter((corner) => corner !== "()")) {
    assert.deepEqual(askClosure(source, scope), await askJsonata(source, scope), source);
  }
});
