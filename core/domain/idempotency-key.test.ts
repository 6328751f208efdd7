// Keys of effects: the same for the same effect, different for every other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { effectKey } from "./idempotency-key.ts";

test("the key follows from root, node and iteration alone", () => {
  assert.match(effectKey("root", "node", ""), /^[0-9a-f]{64}$/);
  assert.equal(effectKey("root", "node", "3/0"), effectKey("root", "node", "3/0"));
});

test("another root, node or iteration is another key, also where they run together", () => {
  const places = [
    ["r", "n", ""],
    ["r2", "n", ""],
    ["r", "n2", ""],
    ["r", "n", "0"],
    ["r", "n", "0/1"],
    ["r", "n0", "/1"],
    ["rn", "", ""],
    ["r", "", "n"],
  ] as const;
  assert.equal(
    new Set(places.map(([root, node, iteration]) => effectKey(root, node, iteration))).size,
    places.length,
  );
});
