import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { diffGraphs } from "./diff-graphs.ts";
import type { Graph } from "./graph.ts";
import { jsonEqual } from "./json-equal.ts";

const NOTHING = {
  nodes: { added: [], removed: [], changed: [], moved: [] },
  edges: { added: [], removed: [] },
  settings: [],
};

const graph: fc.Arbitrary<Graph> = fc.record({
  nodes: fc.uniqueArray(
    fc.record({
      id: fc.constantFrom("a", "b", "c", "constructor"),
      type: fc.constantFrom("data.transform", "flow.merge"),
      position: fc.record({ x: fc.nat(9), y: fc.nat(9) }),
      data: fc.record({ config: fc.dictionary(fc.constantFrom("v", "w"), fc.jsonValue({ maxDepth: 2 })) }),
    }),
    { selector: ({ id }) => id, minLength: 1 },
  ),
  edges: fc.array(fc.record({ source: fc.constantFrom("a", "b"), target: fc.constantFrom("b", "c") }), {
    maxLength: 3,
  }),
  settings: fc.record({ timeoutMs: fc.integer({ min: 1, max: 3 }) }, { requiredKeys: [] }),
});

test("equal graphs have no difference, whatever the order of nodes, edges and keys", () => {
  fc.assert(
    fc.property(graph, (drawn) => {
      const other: Graph = {
        ...structuredClone(drawn),
        nodes: drawn.nodes.map(({ id, type, ...rest }) => ({ ...rest, type, id })).reverse(),
        edges: drawn.edges.map((edge, index) => ({ ...edge, id: `e${index}`, sourceHandle: null })).reverse(),
      };
      assert.deepEqual(diffGraphs(drawn, other), NOTHING);
    }),
  );
});

test("graphs that differ in what runs have a difference, and it is mirrored the other way round", () => {
  fc.assert(
    fc.property(graph, graph, (a, b) => {
      const forth = diffGraphs(a, b);
      const back = diffGraphs(b, a);
      assert.deepEqual(forth.nodes.added, back.nodes.removed);
      assert.deepEqual(forth.edges.added, back.edges.removed);
      const byId = (g: Graph) =>
        Object.fromEntries(g.nodes.map(({ position: _, ...node }) => [node.id, node]));
      const { added, removed, changed } = forth.nodes;
      assert.equal(added.length + removed.length + changed.length === 0, jsonEqual(byId(a), byId(b)));
      assert.equal(forth.settings.length === 0, jsonEqual(a.settings, b.settings));
    }),
  );
});

test("names the smallest place that changed, and keeps moving apart from changing", () => {
  const before: Graph = {
    nodes: [
      {
        id: "t",
        type: "data.transform",
        position: { x: 0, y: 0 },
        data: { config: { value: { a: 1, b: [1, 2] } } },
      },
      { id: "gone", type: "flow.merge" },
    ],
    edges: [{ id: "e1", source: "t", target: "gone" }],
    settings: { timeoutMs: 1 },
  };
  const after: Graph = {
    nodes: [
      {
        id: "t",
        type: "data.transform",
        position: { x: 9, y: 0 },
        selected: true,
        data: { config: { value: { a: 1, b: [1, 3, 4] }, x: null } },
      },
      { id: "new", type: "flow.merge" },
    ],
    edges: [{ id: "e1", source: "t", target: "new" }],
    settings: { concurrency: 2 },
  };
  assert.deepEqual(diffGraphs(before, after), {
    nodes: {
      added: [{ id: "new", type: "flow.merge" }],
      removed: [{ id: "gone", type: "flow.merge" }],
      changed: [
        {
          id: "t",
          changes: [
            { path: "data.config.value.b.1", before: 2, after: 3 },
            { path: "data.config.value.b.2", after: 4 },
            { path: "data.config.x", after: null },
          ],
        },
      ],
      moved: [{ id: "t", before: { x: 0, y: 0 }, after: { x: 9, y: 0 } }],
    },
    edges: {
      added: [{ id: "e1", source: "t", target: "new" }],
      removed: [{ id: "e1", source: "t", target: "gone" }],
    },
    settings: [
      { path: "timeoutMs", before: 1 },
      { path: "concurrency", after: 2 },
    ],
  });
});
