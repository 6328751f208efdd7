// Which path an expression takes, and what it is said to reach.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compileExpression } from "./compile-expression.ts";
import { pickScope, type Scope } from "./scope.ts";

test("only trees of bounded cost become closures", () => {
  const closures = [
    "input.a.b[0].c[]",
    "(1 + 2) * 3",
    '{"a": [input.x]}',
    "a ? b : c",
    "a ?? b",
    "-input.x in [1]",
  ];
  const isolated = [
    "$sum(x)",
    "input.a[b=1]",
    "input.*",
    "input.**",
    "input.(a)",
    "input.a^(b)",
    "input{a: b}",
  ];
  isolated.push(
    "[1..3]",
    "($x := 1; $x)",
    "function(){1}",
    "input.a.%",
    "$$.input",
    "input@$i.a",
    "input#$i.a",
  );
  isolated.push("input.[a]", "'a'[]", "(input.a)[0]", "[1,2][0]", "input ~> |a|{}|", "$exists(1)[0]");
  for (const source of closures) assert.equal(compileExpression(source).kind, "closure", source);
  for (const source of isolated) assert.equal(compileExpression(source).kind, "isolated", source);
});

test("references name roots and nodes, and say when they cannot know", () => {
  const cases: ReadonlyArray<readonly [string, string, string, boolean, boolean]> = [
    ["1", "", "", false, false],
    ["input.a + nodes.x.y + nodes.z", "input nodes", "x z", false, false],
    ["nodes.a[nodes.b = 1]", "nodes", "a", false, false],
    ["nodes", "nodes", "", true, false],
    ["nodes[0].a", "nodes", "", true, false],
    ["nodes.*", "nodes", "", true, false],
    ["$sum(nodes.a.items.(price * input))", "nodes", "a", false, false],
    ["$map(input.x, function($v){ $v + nodes.k.y })", "input nodes", "k", false, false],
    ["$$.nodes.a.b", "nodes", "a", false, false],
    ["input.x.($$.trigger.y)", "input trigger", "", false, false],
    ["$lookup($$, 'nodes')", "", "", true, true],
    ["$keys()", "", "", true, true],
    ["$keys(input)", "input", "", false, false],
    ["input.a.%.%", "input", "", true, true],
    ["*.a", "", "", true, true],
    ["input ~> $lookup('a')", "input", "", true, true],
    ["unknown.a", "unknown", "", false, false],
    ["$now()", "", "", false, false],
  ];
  for (const [source, roots, nodes, dynamicNodes, wholeScope] of cases) {
    const { references } = compileExpression(source);
    const said = [references.roots.toSorted().join(" "), references.nodes.toSorted().join(" ")];
    assert.deepEqual(
      [...said, references.dynamicNodes, references.wholeScope],
      [roots, nodes, dynamicNodes, wholeScope],
      source,
    );
  }
});

test("only what is referenced leaves for the isolated process, own properties only", () => {
  const nodes = Object.assign(Object.create({ inherited: 1 }) as Record<string, unknown>, { a: 1, b: 2 });
  const scope: Scope = { input: 1, nodes, trigger: 2, execution: { id: "e", startedAt: "" } };
  const pick = (source: string) => pickScope(scope, compileExpression(source).references);
  assert.deepEqual(pick("$sum(nodes.a)"), { nodes: { a: 1 } });
  assert.deepEqual(pick("$sum(nodes.inherited)"), { nodes: {} });
  assert.deepEqual(pick("$sum(item)"), {});
  assert.deepEqual(Object.keys(pick("$$")).toSorted(), ["execution", "input", "nodes", "trigger"]);
});
