import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = (incoming: Array<{ nodeId: string; output: unknown }>) =>
  nodeRunners.get("flow.merge")?.({}, testContext({ incoming }));

test("one branch taken: its output as it is", () => {
  assert.deepEqual(run([{ nodeId: "a", output: [1] }]), { kind: "output", output: [1] });
  const twice = { nodeId: "a", output: 1 };
  assert.deepEqual(run([twice, twice]), { kind: "output", output: 1 });
});

test("several: an object by node id, whatever the ids are called", () => {
  const outcome = run([
    { nodeId: "constructor", output: 1 },
    { nodeId: "b", output: undefined },
    { nodeId: "__proto__", output: { polluted: true } },
  ]);
  assert.ok(outcome && "output" in outcome);
  const output = outcome.output as object;
  assert.deepEqual(Object.entries(output), [
    ["constructor", 1],
    ["b", null],
    ["__proto__", { polluted: true }],
  ]);
  assert.equal(Reflect.get({}, "polluted"), undefined);
});
