import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createAncestry } from "./ancestry.ts";
import { ancestorsOf, compileGraph } from "./compile-graph.ts";

const SIZE = 80;

test("says of every pair what a walk up the graph says, and nothing of nodes on or behind a cycle", () => {
  const pair = fc.tuple(fc.nat(SIZE - 1), fc.nat(SIZE - 1));
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 120 }), fc.boolean(), (pairs, mayCycle) => {
      const graph = compileGraph({
        nodes: [...Array(SIZE).keys()].map((number) => ({ id: `n${number}`, type: "data.transform" })),
        edges: pairs
          .filter(([a, b]) => (mayCycle ? a !== b : a < b))
          .map(([a, b]) => ({ source: `n${a}`, target: `n${b}` })),
      });
      const { isAncestor } = createAncestry(graph);
      const known = new Set(graph.order);
      for (const id of graph.nodes.keys()) {
        const ancestors = ancestorsOf(graph, id);
        for (const other of graph.nodes.keys()) {
          const expected = known.has(id) && known.has(other) ? ancestors.has(other) : undefined;
          assert.equal(isAncestor(other, id), expected, `${other} before ${id}`);
        }
      }
    }),
    { numRuns: 30 },
  );
});
