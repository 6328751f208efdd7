// The order of the test files: all of them once, the longest first, long ones never all in a row.
import assert from "node:assert/strict";
import { test } from "node:test";
import { orderFiles } from "./order-files.ts";

const short = Array.from({ length: 20 }, (_, n) => `core/domain/${n}.test.ts`);
const long = ["test/faults/a.test.ts", "test/faults/b.test.ts", "test/security/export-workspace.test.ts"];

test("every file is run once, whatever is asked for", () => {
  for (const files of [[...short, ...long], short, long, long.slice(0, 1), []]) {
    assert.deepEqual(orderFiles(files).sort(), [...files].sort());
  }
});

test("the longest begins, and between two long ones short ones do", () => {
  const ordered = orderFiles([...short, ...long]);
  assert.equal(ordered[0], "test/security/export-workspace.test.ts");
  assert.deepEqual(
    ordered.flatMap((file, at) => (long.includes(file) ? [at] : [])),
    [0, 6, 12],
  );
});
