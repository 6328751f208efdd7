import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = (config: unknown) => nodeRunners.get("flow.forEach")?.(config, testContext());

test("hands the items to the engine, ten at a time unless told otherwise", () => {
  assert.deepEqual(run({ items: [1, 2] }), { kind: "each", items: [1, 2], concurrency: 10 });
  assert.deepEqual(run({ items: [], concurrency: 2 }), { kind: "each", items: [], concurrency: 2 });
});

test("what is no list is one item, nothing is none", () => {
  for (const items of ["x", 0, false, { a: 1 }]) {
    assert.deepEqual(run({ items }), { kind: "each", items: [items], concurrency: 10 });
  }
  for (const config of [{ items: null }, {}]) {
    assert.deepEqual(run(config), { kind: "each", items: [], concurrency: 10 });
  }
});

test("10,000 items are taken, one more is refused", () => {
  const most = run({ items: Array(10_000).fill(0) });
  assert.ok(most && "items" in most && most.items.length === 10_000);
  assert.throws(() => run({ items: Array(10_001).fill(0) }), {
    code: "too_many_items",
    details: { items: 10_001, limit: 10_000 },
  });
});

test("a concurrency out of range is refused", () => {
  for (const concurrency of [0, 101, 1.5, "3"]) {
    assert.throws(() => run({ items: [], concurrency }), { code: "invalid_config" });
  }
});
