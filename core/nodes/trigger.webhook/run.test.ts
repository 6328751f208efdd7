import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = nodeRunners.get("trigger.webhook");

test("puts out what was sent, null when there is nothing", () => {
  assert.deepEqual(run?.({}, testContext({ input: { event: "paid" } })), {
    kind: "output",
    output: { event: "paid" },
  });
  assert.deepEqual(run?.({}, testContext({ input: undefined })), { kind: "output", output: null });
});

test("takes no config", () => {
  assert.throws(() => run?.({ path: "/x" }, testContext()), { code: "invalid_config" });
});
