// Pinned outputs at save: small enough, and of nodes that leave by one way only.
import assert from "node:assert/strict";
import { test } from "node:test";
import { draw } from "../../test/support/engine.ts";
import { nodeDefinitions } from "../nodes/definitions.ts";
import { checkPins } from "./check-pins.ts";
import { readDrawnGraph } from "./drawn-graph.ts";

const faults = (type: string, pinned: unknown, config = {}) => {
  const graph = draw("start>a", { start: { type: "trigger.manual" }, a: { type, pinned, config } });
  return checkPins(readDrawnGraph(graph, (name) => nodeDefinitions.get(name))).map(
    ({ nodeId, path, code }) => `${code} ${path} ${nodeId}`,
  );
};

test("an output that a node could have made may be pinned", () => {
  for (const pinned of [null, 0, "x", { deep: [1, { more: "é" }] }, undefined]) {
    assert.deepEqual(faults("data.transform", pinned), []);
  }
});

test("a pinned output holds at most 1 MB of JSON, counted in bytes", () => {
  const tooLarge = ["pinned_too_large nodes.1.data.pinned a"];
  assert.deepEqual(faults("data.transform", "x".repeat(1_048_574)), []);
  assert.deepEqual(faults("data.transform", "x".repeat(1_048_575)), tooLarge);
  assert.deepEqual(faults("data.transform", "é".repeat(600_000)), tooLarge);
});

test("a node with several ports is not pinned", () => {
  const severalPorts = ["pinned_port nodes.1.data.pinned a"];
  assert.deepEqual(faults("flow.condition", true, { when: 1 }), severalPorts);
  assert.deepEqual(faults("flow.forEach", [], { items: [] }), severalPorts);
  assert.deepEqual(faults("flow.merge", 1), []);
});
