import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import jsonata from "jsonata";
import { isTruthy } from "./is-truthy.ts";

test("agrees with JSONata's $boolean on every JSON value", async () => {
  const expression = jsonata("$boolean(v)");
  const falsy = fc.constantFrom<unknown>(0, "", null, false, [], {}, [0, ["", {}]], [[[]]]);
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue({ maxDepth: 3 }), falsy), async (v) => {
      assert.equal(isTruthy(v), (await expression.evaluate({ v })) ?? false);
    }),
  );
});

test("undefined, NaN and functions are false, and a list deeper than the stack is judged too", () => {
  for (const value of [undefined, Number.NaN, () => 1]) assert.equal(isTruthy(value), false);
  let deep: unknown = true;
  for (let level = 0; level < 200_000; level++) deep = [deep];
  assert.equal(isTruthy(deep), true);
});
