// A node context for tests of single nodes; what a test does not set does nothing.
import type { NodeContext, NodePorts } from "#core/domain/node.ts";

type Given = Partial<Omit<NodeContext, "ports">> & { ports?: Partial<NodePorts> };

export function testContext({ ports, ...given }: Given = {}): NodeContext {
  return {
    executionId: "0190a000-0000-7000-8000-000000000000",
    workspaceId: "0190a000-0000-7000-8000-000000000002",
    nodeId: "node",
    iteration: "",
    attempt: 1,
    idempotencyKey: "key-1",
    input: null,
    trigger: { type: "manual" },
    incoming: [],
    visible: () => ({
      input: null,
      nodes: {},
      trigger: { type: "manual" },
      execution: { id: "0190a000-0000-7000-8000-000000000000", startedAt: "2026-03-01T12:00:00.000Z" },
    }),
    signal: new AbortController().signal,
    resumed: null,
    ports: {
      http: { request: () => Promise.reject(new Error("this test has no network")) },
      scripts: { run: () => Promise.reject(new Error("this test has no scripts")) },
      sql: { run: () => Promise.reject(new Error("this test has no database")) },
      ...ports,
    },
    credentials: { use: async () => null },
    ...given,
  };
}
