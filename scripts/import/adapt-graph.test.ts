import assert from "node:assert/strict";
import { test } from "node:test";
import { adaptGraph } from "./adapt-graph.ts";

test("A35: references follow renamed nodes in expressions, and a script stays as it was written", () => {
  const source = 'return `{{ nodes["a-b"] }}`';
  const nodes = [
    { id: "a-b", type: "transform", data: { config: { value: 1 } } },
    { id: "c", type: "code.javascript", data: { config: { source, timeoutMs: '{{ nodes["a-b"] }}' } } },
  ];
  const names = { known: new Set(["a-b", "c"]), renames: new Map([["a-b", "a_b"]]) };
  const adaptation = { names, credentials: new Map(), remark: () => {} };
  const adapted = adaptGraph({ nodes, edges: [] }, adaptation);
  assert.deepEqual(
    adapted.nodes.map(({ id, data }) => [id, Reflect.get(data as object, "config")]),
    [
      ["a_b", { value: 1 }],
      ["c", { source, timeoutMs: "{{ nodes.a_b }}" }],
    ],
  );
});
