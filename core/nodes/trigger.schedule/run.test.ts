// What follows a schedule's trigger gets the schedule's input.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = nodeRunners.get("trigger.schedule");

test("puts out the execution's input, null when there is none", () => {
  assert.deepEqual(run?.({}, testContext({ input: { day: 3 } })), { kind: "output", output: { day: 3 } });
  assert.deepEqual(run?.({}, testContext({ input: undefined })), { kind: "output", output: null });
});

test("takes no config: when it fires is the schedule's to say", () => {
  assert.throws(() => run?.({ cron: "* * * * *" }, testContext()), { code: "invalid_config" });
});
