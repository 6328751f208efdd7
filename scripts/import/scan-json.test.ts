import assert from "node:assert/strict";
import { test } from "node:test";
import { findJsonFault, lineOfPath } from "./scan-json.ts";

const good = [
  "{}",
  "[]",
  ' {"a" : [1, -2.5e+3, true, null, "\\u00e4\\n"]} ',
  '"x"',
  "0",
  '{"":{"":[]}}',
  "\n[\r\n]\t",
];
const bad: [string, number][] = [
  ["", 1],
  ['{"a":1', 1],
  ['{\n"a":1,\n}', 3],
  ["[1,\n2\n3]", 3],
  ['["a\nb"]', 1],
  ['{"a":\n\n01}', 3],
  ['["\\x"]', 1],
  ["[1] [2]", 1],
  ["{a:1}", 1],
  ["nul", 1],
  ["[tru]", 1],
  ["[+1]", 1],
  ["['a']", 1],
  [`${"[".repeat(300)}${"]".repeat(300)}`, 1],
];

for (const text of good) {
  test(`no fault in ${JSON.stringify(text)}`, () => {
    JSON.parse(text);
    assert.equal(findJsonFault(text), null);
  });
}

for (const [text, line] of bad) {
  test(`a fault in line ${line} of ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.equal(findJsonFault(text)?.line, line);
  });
}

test("reasons quote nothing of the text", () => {
  for (const text of [
    '{"token": "s3cret',
    '{"token": s3cret}',
    '["s3cret" "s3cret"]',
    '{"s3cret"}',
    "{s3cret:1}",
  ]) {
    assert.doesNotMatch(findJsonFault(text)?.reason ?? "s3cret", /s3cret/);
  }
});

test("a long text is no problem", () => {
  assert.equal(findJsonFault(JSON.stringify(["x".repeat(20_000_000)])), null);
});

test("the line of a path, or of the nearest value above it", () => {
  const text = '{\n "nodes": [\n  {"id": 1},\n  {"x":\n    {"y": 2}}\n ]\n}';
  assert.equal(lineOfPath(text, ["nodes", 1]), 4);
  assert.equal(lineOfPath(text, ["nodes", 1, "x", "y"]), 5);
  assert.equal(lineOfPath(text, ["nodes", 1, "missing"]), 4);
  assert.equal(lineOfPath(text, ["edges"]), 1);
});
