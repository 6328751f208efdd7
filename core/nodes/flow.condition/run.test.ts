import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = nodeRunners.get("flow.condition");

test("leaves by the port that is the truth of the value, and says so", () => {
  for (const when of [true, 1, "no", [0, 1], { a: 0 }]) {
    assert.deepEqual(run?.({ when }, testContext()), {
      kind: "output",
      output: { result: true },
      port: "true",
    });
  }
  for (const when of [false, 0, "", [], [0], {}, null]) {
    assert.deepEqual(run?.({ when }, testContext()), {
      kind: "output",
      output: { result: false },
      port: "false",
    });
  }
});

test("a condition that came to nothing is false", () => {
  assert.deepEqual(run?.({}, testContext()), { kind: "output", output: { result: false }, port: "false" });
});
