import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileGraph } from "./compile-graph.ts";
import { findRings } from "./find-cycle.ts";

function compile(size: number, pairs: readonly (readonly [number, number])[]) {
  return compileGraph({
    nodes: [...Array(size).keys()].map((number) => ({ id: `n${number}`, type: "data.transform" })),
    edges: pairs.map(([a, b]) => ({ source: `n${a}`, target: `n${b}` })),
  });
}

test("a graph without a cycle has no ring", () => {
  assert.deepEqual(
    findRings(
      compile(4, [
        [0, 1],
        [0, 2],
        [1, 3],
        [2, 3],
      ]),
    ),
    [],
  );
});

test("a ring is named in its order, once, and what hangs on it is left out", () => {
  const graph = compile(6, [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 1],
    [3, 4],
    [3, 1],
  ]);
  assert.deepEqual(findRings(graph), [["n1", "n2", "n3"]]);
});

test("two rings through one node are both named, two apart as well", () => {
  assert.deepEqual(
    findRings(
      compile(3, [
        [0, 1],
        [1, 0],
        [0, 2],
        [2, 0],
      ]),
    ),
    [
      ["n0", "n1"],
      ["n0", "n2"],
    ],
  );
  assert.deepEqual(
    findRings(
      compile(4, [
        [0, 1],
        [1, 0],
        [2, 3],
        [3, 2],
      ]),
    ),
    [
      ["n0", "n1"],
      ["n2", "n3"],
    ],
  );
});

test("a self edge is not a ring", () => {
  assert.deepEqual(
    findRings(
      compile(2, [
        [0, 0],
        [0, 1],
      ]),
    ),
    [],
  );
});

test("a ring of 10,000 nodes does not overflow the stack, a dense graph does not drown the answer", () => {
  const size = 10_000;
  const ring = findRings(
    compile(
      size,
      [...Array(size).keys()].map((n) => [n, (n + 1) % size] as const),
    ),
  );
  assert.equal(ring.length, 1);
  assert.equal(ring[0]?.length, size);
  const all = [...Array(60).keys()];
  const dense = compile(
    60,
    all.flatMap((a) => all.map((b) => [a, b] as const)),
  );
  assert.equal(findRings(dense).length, 20);
});

test("every ring is one, none comes twice, and without their closing edges no cycle is left", () => {
  const pair = fc.tuple(fc.nat(7), fc.nat(7));
  fc.assert(
    fc.property(fc.uniqueArray(pair, { maxLength: 14, selector: String }), (pairs) => {
      const lines = pairs.filter(([a, b]) => a !== b);
      const has = new Set(lines.map(([a, b]) => `n${a} n${b}`));
      const rings = findRings(compile(8, lines));
      const closing = new Set<string>();
      for (const ring of rings) {
        for (const [index, id] of ring.entries()) {
          assert.ok(has.has(`${id} ${ring[(index + 1) % ring.length]}`), `${ring} follows edges`);
        }
        assert.equal(new Set(ring).size, ring.length);
        closing.add(`${ring.at(-1)} ${ring[0]}`);
      }
      assert.equal(closing.size, rings.length);
      const left = lines.filter(([a, b]) => !closing.has(`n${a} n${b}`));
      assert.equal(compile(8, left).order.length, 8);
    }),
  );
});
