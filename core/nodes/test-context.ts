// A node context for tests of single nodes; what a test does not set does nothing.
import type { NodeContext } from "#core/domain/node.ts";

export function testContext(given: Partial<NodeContext> = {}): NodeContext {
  return {
    executionId: "0190a000-0000-7000-8000-000000000000",
    nodeId: "node",
    iteration: "",
    attempt: 1,
    idempotencyKey: "key-1",
    input: null,
    trigger: { type: "manual" },
    incoming: [],
    signal: new AbortController().signal,
    ports: {
      http: { request: () => Promise.reject(new Error("this test has no network")) },
    },
    credentials: { use: async () => null },
    ...given,
  };
}
