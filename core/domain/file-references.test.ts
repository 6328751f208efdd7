import assert from "node:assert/strict";
import { test } from "node:test";
import { findFileReferences } from "./file-references.ts";

test("references are found wherever they are, each once, in order", () => {
  const input = {
    invoice: { $file: "a" },
    lines: [{ scan: { $file: "b", note: { $file: "c" } } }, { $file: "a" }],
    $file: "root",
  };
  assert.deepEqual(findFileReferences(input), ["root", "a", "b", "c"]);
  assert.deepEqual(findFileReferences({ $file: "x" }), ["x"]);
});

test("what is no reference is none", () => {
  for (const input of [undefined, null, 5, "$file", [], {}, { $file: 5 }, { $file: null }, { file: "a" }]) {
    assert.deepEqual(findFileReferences(input), []);
  }
});

test("depth does not matter", () => {
  let input: unknown = { $file: "deep" };
  for (let depth = 0; depth < 200_000; depth++) input = [input];
  assert.deepEqual(findFileReferences(input), ["deep"]);
});
