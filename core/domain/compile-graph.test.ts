import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ancestorsOf, compileGraph, enclosingLoops, reachableFrom, scopeOfEdge } from "./compile-graph.ts";
import type { Graph } from "./graph.ts";

const node = (id: string, type = "data.transform") => ({ id, type });
const edge = (source: string, target: string, sourceHandle?: string) => ({
  source,
  target,
  ...(sourceHandle !== undefined && { sourceHandle }),
});

/** Nodes n0…; edges lead from a lower to a higher number, so that the graph has no cycle; nodes come shuffled. */
const acyclicGraph = fc.integer({ min: 1, max: 25 }).chain((size) =>
  fc.record({
    order: fc.shuffledSubarray([...Array(size).keys()], { minLength: size }),
    pairs: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 60 }),
  }),
);

function graphOf({ order, pairs }: { order: number[]; pairs: [number, number][] }): Graph {
  return {
    nodes: order.map((number) => node(`n${number}`)),
    edges: pairs
      .filter(([a, b]) => a !== b)
      .map(([a, b]) => edge(`n${Math.min(a, b)}`, `n${Math.max(a, b)}`)),
  };
}

test("every node comes after all its sources, and none is missing", () => {
  fc.assert(
    fc.property(acyclicGraph, (drawn) => {
      const graph = graphOf(drawn);
      const { order } = compileGraph(graph);
      const place = new Map(order.map((id, index) => [id, index]));
      assert.equal(order.length, graph.nodes.length);
      assert.equal(place.size, order.length);
      for (const { source, target } of graph.edges) {
        assert.ok((place.get(source) ?? 0) < (place.get(target) ?? -1), `${source} before ${target}`);
      }
    }),
  );
});

test("a node is an ancestor exactly when the other can be reached from it", () => {
  fc.assert(
    fc.property(acyclicGraph, (drawn) => {
      const graph = compileGraph(graphOf(drawn));
      for (const id of graph.nodes.keys()) {
        const expected = [...graph.nodes.keys()].filter(
          (other) => other !== id && reachableFrom(graph, other).has(id),
        );
        assert.deepEqual([...ancestorsOf(graph, id)].sort(), expected.sort());
      }
    }),
  );
});

test("nodes on and behind a cycle have no place in the order", () => {
  const graph = compileGraph({
    nodes: ["start", "a", "b", "behind"].map((id) => node(id)),
    edges: [edge("start", "a"), edge("a", "b"), edge("b", "a"), edge("b", "behind")],
  });
  assert.deepEqual(graph.order, ["start"]);
});

test("an edge to nowhere is left out and the others keep their index", () => {
  const graph = compileGraph({
    nodes: [node("a"), node("b")],
    edges: [edge("a", "zz"), edge("a", "b", "p")],
  });
  assert.deepEqual(graph.outgoing.get("a"), [{ index: 1, source: "a", port: "p", target: "b" }]);
});

test("loop bodies nest, and port done leads out of them", () => {
  const graph = compileGraph({
    nodes: [
      node("inner", "flow.forEach"),
      node("outer", "flow.forEach"),
      ...["a", "b", "afterInner", "afterOuter"].map((id) => node(id)),
    ],
    edges: [
      edge("outer", "a", "item"),
      edge("a", "inner"),
      edge("inner", "b", "item"),
      edge("inner", "afterInner", "done"),
      edge("outer", "afterOuter", "done"),
    ],
  });
  assert.deepEqual(Object.fromEntries(graph.loopOf), {
    outer: null,
    a: "outer",
    inner: "outer",
    b: "inner",
    afterInner: "outer",
    afterOuter: null,
  });
  assert.deepEqual(enclosingLoops(graph, "b"), ["inner", "outer"]);
  assert.deepEqual(enclosingLoops(graph, "afterOuter"), []);
  assert.equal(scopeOfEdge(graph, { source: "outer", port: "item" }), "outer");
  assert.equal(scopeOfEdge(graph, { source: "outer", port: "done" }), null);
  assert.equal(scopeOfEdge(graph, { source: "inner", port: "done" }), "outer");
});

test("a node that is called like a member of Object is a node like others", () => {
  const graph = compileGraph({
    nodes: [node("constructor"), node("toString")],
    edges: [edge("constructor", "toString")],
  });
  assert.deepEqual(graph.order, ["constructor", "toString"]);
  assert.deepEqual([...ancestorsOf(graph, "toString")], ["constructor"]);
});
