import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const workflowId = "0190a000-0000-7000-8000-000000000009";
const run = (config: unknown) => nodeRunners.get("flow.subworkflow")?.(config, testContext());

test("names the workflow, its version where one is given, and the input, null without one", () => {
  assert.deepEqual(run({ workflowId }), { kind: "child", workflowId, input: null });
  const given = { workflowId, version: 3, input: { a: 1 } };
  assert.deepEqual(run(given), { kind: "child", ...given });
});

test("refuses what is no workflow or no version", () => {
  for (const config of [{}, { workflowId: "x" }, { workflowId, version: 0 }, { workflowId, more: 1 }]) {
    assert.throws(() => run(config), { code: "invalid_config" }, JSON.stringify(config));
  }
});
