// The groups of the test files: all of them once, the longest first, long ones never all in a row.
import assert from "node:assert/strict";
import { test } from "node:test";
import { groupFiles } from "./group-files.ts";

const short = Array.from({ length: 20 }, (_, n) => `core/domain/${n}.test.ts`);
const long = ["test/e2e/a.test.ts", "test/e2e/b.test.ts", "test/security/export-workspace.test.ts"];
const timed = ["test/faults/queue-lost.test.ts", "worker/claiming.test.ts"];

test("every file is run once, whatever is asked for, and no group is empty", () => {
  for (const files of [[...short, ...long, ...timed], short, long, timed, long.slice(0, 1), []]) {
    const groups = groupFiles(files);
    assert.deepEqual(groups.flatMap((group) => group.files).sort(), [...files].sort());
    assert.ok(groups.every((group) => group.files.length > 0));
  }
});

test("what is held to seconds runs with fewer beside it than the rest", () => {
  const [first, second] = groupFiles([...short, ...timed]);
  assert.deepEqual(first, { lanes: 2, files: timed });
  assert.equal(second?.lanes, 3);
});

test("the longest begins, and between two long ones short ones do", () => {
  const [group] = groupFiles([...short, ...long]);
  assert.equal(group?.files[0], "test/security/export-workspace.test.ts");
  const places = group?.files.flatMap((file, at) => (long.includes(file) ? [at] : []));
  assert.deepEqual(places, [0, 6, 12]);
});
