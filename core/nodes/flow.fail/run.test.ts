import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = (config: unknown) => nodeRunners.get("flow.fail")?.(config, testContext());

test("fails with the author's message, for good", () => {
  assert.throws(() => run({ message: "Order 7 has no lines" }), {
    code: "workflow_failed",
    message: "Order 7 has no lines",
    retryable: false,
  });
});

test("a message that is a document is cut and stays whole text", () => {
  assert.throws(
    () => run({ message: `x${"😀".repeat(2_000)}` }),
    (error: Error) => {
      return error.message.length === 2_000 && error.message.isWellFormed();
    },
  );
});

test("needs a message that is text", () => {
  for (const config of [{}, { message: "" }, { message: 5 }]) {
    assert.throws(() => run(config), { code: "invalid_config" });
  }
});
