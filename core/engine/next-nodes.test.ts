// Dead-path elimination on small graphs drawn as text.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileGraph } from "#core/domain/compile-graph.ts";
import { leadsOn, settleNode, startScope } from "./next-nodes.ts";

/** "a>b c:true>d" → edges a→b and c (port true)→d. */
function scopeOf(drawing: string, members?: string[]) {
  const edges = drawing.split(" ").map((text, index) => {
    const [from = "", target = ""] = text.split(">");
    const [source = "", sourceHandle] = from.split(":");
    return { id: `e${index}`, source, target, ...(sourceHandle ? { sourceHandle } : {}) };
  });
  const ids = [...new Set(edges.flatMap((edge) => [edge.source, edge.target]))];
  const graph = compileGraph({ nodes: ids.map((id) => ({ id, type: "x" })), edges });
  return startScope(graph, new Set(members ?? ids), (edge) => edge.port === "item");
}

test("a join waits for every branch", () => {
  const { progress, ready } = scopeOf("a>b a>c b>d c>d");
  assert.deepEqual(ready, ["a"]);
  assert.deepEqual(settleNode(progress, "a", undefined), ["b", "c"]);
  assert.deepEqual(settleNode(progress, "b", undefined), []);
  assert.deepEqual(settleNode(progress, "c", undefined), ["d"]);
});

test("a branch not taken dies, and the join runs with what is left", () => {
  const { progress } = scopeOf("a:true>b a:false>c c>d b>e d>e");
  assert.deepEqual(settleNode(progress, "a", "true"), ["b"]);
  assert.deepEqual(settleNode(progress, "b", undefined), ["e"]);
  assert.deepEqual(
    progress.takenInto.get("e")?.map((edge) => edge.source),
    ["b"],
  );
});

test("a node whose every edge is dead is dead too, all the way down", () => {
  const { progress } = scopeOf("a:true>b a:false>c c>d d>e b>f e>f");
  assert.deepEqual(settleNode(progress, "a", "true"), ["b"]);
  assert.equal(progress.pending.get("f"), 1);
});

test("an edge without handle carries any port but the error port", () => {
  const { progress } = scopeOf("a>b a:error>c");
  assert.deepEqual(settleNode(progress, "a", "error"), ["c"]);
  assert.equal(leadsOn(progress, "a", undefined), true);
  assert.equal(leadsOn(progress, "c", undefined), false);
});

test("edges from outside the scope take no part, the loop's own are taken from the start", () => {
  const { ready } = scopeOf("loop:item>b other>c b>c", ["b", "c"]);
  assert.deepEqual(ready, ["b"]);
});

test("two edges between the same nodes are two reasons to run, once", () => {
  const { progress } = scopeOf("a:x>b a:y>b");
  assert.deepEqual(settleNode(progress, "a", "x"), ["b"]);
});
