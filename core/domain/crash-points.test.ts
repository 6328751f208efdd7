// Crash points: the armed one ends the process at its nth passing, and every one of the list is somewhere in the code.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSourceTree } from "../../test/architecture/source-tree.ts";
import { armCrashPoint, CRASH_POINTS, crashPoint, parseCrashAt } from "./crash-points.ts";

test("the armed point dies at its nth passing, and only there", () => {
  let deaths = 0;
  armCrashPoint({ point: "worker.after_claim", nth: 3 }, () => deaths++);
  const passAll = () => CRASH_POINTS.forEach(crashPoint);
  passAll();
  passAll();
  assert.equal(deaths, 0);
  passAll();
  assert.equal(deaths, 1);
  armCrashPoint(undefined, () => deaths++);
  passAll();
  assert.equal(deaths, 1);
});

test("only `<point>:<n>` with a point of the list is understood", () => {
  assert.deepEqual(parseCrashAt("worker.after_ring:12"), { point: "worker.after_ring", nth: 12 });
  for (const text of ["", "worker.after_ring", "worker.after_ring:0", "worker.after_ring:x", "worker.x:1"])
    assert.equal(parseCrashAt(text), null, text);
  for (const text of ["worker.after_ring:1:2", "worker.after_ring:01", "worker.after_ring:-1"])
    assert.equal(parseCrashAt(text), null, text);
});

test("every point of the list is placed in its role's code, and every placed one is in the list", () => {
  const placed = new Map<string, string[]>();
  for (const { path, code, isTest } of readSourceTree()) {
    if (isTest) continue;
    for (const [, name = ""] of code.matchAll(/\bcrashPoint\("([^"]*)"\)/g))
      placed.set(name, [...(placed.get(name) ?? []), path]);
  }
  assert.deepEqual([...placed.keys()].toSorted(), CRASH_POINTS.toSorted());
  for (const [name, paths] of placed) assert.equal(paths.length, 1, `${name} is in ${paths.join(", ")}`);
});
