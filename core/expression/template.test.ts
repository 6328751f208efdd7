// Where expressions begin and end in a text, and what the guard in front of the parser refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compileExpression } from "./compile-expression.ts";
import { parseTemplate, type Template } from "./template.ts";

function sources(template: Template): string[] {
  return template.parts.filter((part) => part.kind === "expression").map((part) => part.source.trim());
}

test("an expression ends at the first }} outside strings, names, regexes, comments and brackets", () => {
  const cases: ReadonlyArray<readonly [string, readonly string[]]> = [
    ["{{ input.a }}", ["input.a"]],
    ['{{ "}}" }}', ['"}}"']],
    ['{{ \'}}\' & "\\"}}" }}', ['\'}}\' & "\\"}}"']],
    ["{{ input.`}}` }}", ["input.`}}`"]],
    ["{{ /* }} */ 1 }}", ["/* }} */ 1"]],
    ['{{ $match("a", /({{a}})/) }}', ['$match("a", /({{a}})/)']],
    ['{{ {"a":{"b":1}} }}', ['{"a":{"b":1}}']],
    ['{{{"a":{"b":1}}}}', ['{"a":{"b":1}}']],
    ["{{ 4 / 2 }} and {{ 6 / 3 }}", ["4 / 2", "6 / 3"]],
    ["{{ function($x){ {'y': $x} }(1) }}", ["function($x){ {'y': $x} }(1)"]],
    ['{{ "{{" }}', ['"{{"']],
    // Broken ones end at the first }} so that the fault is named where it stands.
    ['{{ {"a":1 }} and {{ input.x }}', ['{"a":1', "input.x"]],
    ["{{ (1 }} and {{ 2 }}", ["(1", "2"]],
  ];
  for (const [text, expected] of cases) assert.deepEqual(sources(parseTemplate(text)), expected, text);
});

test("offsets point into the text, and only white space may surround a whole expression", () => {
  const template = parseTemplate("ab {{ x }} c");
  assert.deepEqual(template.parts, [
    { kind: "text", text: "ab ", offset: 0 },
    { kind: "expression", source: " x ", offset: 5 },
    { kind: "text", text: " c", offset: 10 },
  ]);
  assert.equal(template.whole, false);
  assert.equal(parseTemplate(" \n{{ x }} ").whole, true);
  assert.equal(parseTemplate("{{ x }}{{ y }}").whole, false);
  assert.deepEqual(parseTemplate("no expression").parts, [
    { kind: "text", text: "no expression", offset: 0 },
  ]);
});

test("a {{ without an end, a text too long and too many expressions are refused", () => {
  assert.throws(() => parseTemplate("a {{ b"), {
    code: "expression_syntax",
    details: { ...at(2, 1, 3, "a {{ b") },
  });
  assert.throws(() => parseTemplate(`{{ 1 }}${"x".repeat(300_000)}`), { code: "expression_syntax" });
  assert.throws(() => parseTemplate("{{1}}".repeat(1_001)), { code: "expression_syntax" });
  assert.equal(parseTemplate("x".repeat(3_000_000)).parts.length, 1);
});

function at(position: number, line: number, column: number, source: string): object {
  return { position, line, column, source };
}

test("a syntax error names position, line and column", () => {
  assert.throws(
    () => compileExpression("input.a +\n  * )"),
    (error: { details: Record<string, unknown> }) => {
      assert.equal(error.details.line, 2);
      assert.equal(error.details.column, Number(error.details.position) - 9);
      return true;
    },
  );
  assert.throws(() => compileExpression(" "), { code: "expression_syntax" });
});

test("source that would blow up the parser is refused before it is parsed", () => {
  const doubled = `${"(".repeat(30)}a${" ?: 1)".repeat(30)}`;
  const bombs: Readonly<Record<string, string>> = {
    brackets: `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
    parentheses: `${"(".repeat(201)}1${")".repeat(201)}`,
    minus: `${"-".repeat(100_000)}1`,
    chain: `1${"+1".repeat(100_000)}`,
    path: `input${".a".repeat(100_000)}`,
    ternary: `${"a?b:".repeat(50_000)}c`,
    doubled,
    coalesced: doubled.replaceAll("?:", "??"),
    lambdas: `${"function(){".repeat(5_000)}1${"}".repeat(5_000)}`,
    long: `"${"x".repeat(10 * 1024 * 1024)}"`,
    regex: `$match("a", /${"a?".repeat(5_000)}/)`,
  };
  for (const [name, source] of Object.entries(bombs)) {
    assert.throws(() => compileExpression(source), { code: "expression_syntax" }, name);
  }
});

test("what people write is not refused: many defaults, long chains, deep but sane nesting", () => {
  const fields = Array.from({ length: 300 }, (_, i) => `"f${i}": input.a${i} ?? ${i}`).join(", ");
  assert.equal(compileExpression(`{${fields}}`).kind, "closure");
  assert.equal(compileExpression(`input.a${' & ", " & input.b'.repeat(400)}`).kind, "closure");
  assert.equal(compileExpression(`${"[".repeat(150)}1${"]".repeat(150)}`).kind, "closure");
  assert.equal(compileExpression("(((a ?? b) ?? c) ?: d) ?? 1").kind, "closure");
});

test("regexes that RE2 cannot run and $eval are refused at save", () => {
  assert.throws(() => compileExpression('$match("aa", /(a)\\1/)'), { code: "expression_syntax" });
  assert.throws(() => compileExpression('$match("aa", /a(?=b)/)'), { code: "expression_syntax" });
  for (const source of ['$eval("1")', "$map([1], $eval)", "($e := $eval; $e)", "input.a[$eval('1')]"]) {
    assert.throws(() => compileExpression(source), /\$eval is not available/, source);
  }
});
