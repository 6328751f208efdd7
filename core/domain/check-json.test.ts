import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkJsonText } from "./check-json.ts";

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

const isBad = (text: string): boolean => text.includes("\u0000") || !text.isWellFormed();

test("names every place that holds a NUL or half a surrogate pair, in values and keys", () => {
  const problems = checkJsonText(
    { a: ["ok", "x\u0000"], "k\u0000": 1, b: { c: "\ud800" }, d: "😀" },
    "input",
  );
  assert.deepEqual(
    problems.map(({ path }) => path),
    ["input.a.1", "input.k\u2400", "input.b.c"],
  );
  assert.match(problems[0]?.message ?? "", /NUL/);
  assert.match(problems[2]?.message ?? "", /surrogate/);
  assert.deepEqual(checkJsonText("\u0000"), [
    { path: "", message: "This text holds a NUL character (\\u0000); remove it" },
  ]);
});

test("200 levels are fine, 201 are not, and 100,000 do not overflow the stack", () => {
  assert.deepEqual(checkJsonText(nested(200)), []);
  assert.equal(checkJsonText(nested(201)).length, 1);
  assert.equal(checkJsonText(nested(100_000)).length, 1);
});

test("the answer to a hostile body is short and holds no bad text itself", () => {
  const problems = checkJsonText(Array.from({ length: 1_000 }, () => ({ ["\u0000\ud800".repeat(500)]: 1 })));
  assert.equal(problems.length, 20);
  for (const { path, message } of problems) {
    assert.ok(path.length < 100);
    assert.ok(!isBad(path + message));
  }
});

test("says nothing exactly when all texts can be stored", () => {
  const text = fc
    .string({ unit: "binary", maxLength: 4 })
    .chain((s) => fc.constantFrom(s, `${s}\u0000`, `${s}\ud800`));
  fc.assert(
    fc.property(fc.dictionary(text, fc.array(text, { maxLength: 3 }), { maxKeys: 3 }), (value) => {
      const bad = [...Object.keys(value), ...Object.values(value).flat()].some(isBad);
      assert.equal(checkJsonText(value).length > 0, bad);
    }),
    { numRuns: 50 },
  );
});
