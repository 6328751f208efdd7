import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = nodeRunners.get("data.transform");

test("puts out the evaluated value whatever its type", () => {
  for (const value of [{ total: 6 }, [1], "text", 0, false, null]) {
    assert.deepEqual(run?.({ value }, testContext()), { kind: "output", output: value });
  }
});

test("a value that came to nothing is null", () => {
  assert.deepEqual(run?.({}, testContext()), { kind: "output", output: null });
  assert.deepEqual(run?.({ value: undefined }, testContext()), { kind: "output", output: null });
});
