import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = nodeRunners.get("trigger.manual");

test("puts out the execution's input, null when there is none", () => {
  const input = { qty: 3 };
  assert.deepEqual(run?.({}, testContext({ input })), { kind: "output", output: { qty: 3 } });
  assert.deepEqual(run?.({}, testContext({ input: undefined })), { kind: "output", output: null });
});

test("takes no config", () => {
  assert.throws(() => run?.({ x: 1 }, testContext()), {
    code: "invalid_config",
    problems: [{ path: "x", message: 'there is no "x" here; remove it or check its spelling' }],
  });
});
