// The statistic behind A01, on samples whose answer is known.
import assert from "node:assert/strict";
import { test } from "node:test";
import { rocAuc } from "./roc-auc.ts";

test("two kinds that are alike, apart, and half alike", () => {
  assert.equal(rocAuc([1, 2, 3], [1, 2, 3]), 0.5);
  assert.equal(rocAuc([1, 2], [3, 4]), 1);
  assert.equal(rocAuc([3, 4], [1, 2]), 0);
  assert.equal(rocAuc([1, 3], [2, 4]), 0.75);
});
