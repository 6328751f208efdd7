import assert from "node:assert/strict";
import { test } from "node:test";
import { parseByteRange } from "./byte-range.ts";

test("a single range is cut to the file", () => {
  assert.deepEqual(parseByteRange("bytes=0-0", 10), { start: 0, end: 0 });
  assert.deepEqual(parseByteRange("bytes=2-5", 10), { start: 2, end: 5 });
  assert.deepEqual(parseByteRange("bytes=7-", 10), { start: 7, end: 9 });
  assert.deepEqual(parseByteRange("bytes=7-999", 10), { start: 7, end: 9 });
  assert.deepEqual(parseByteRange("bytes=-3", 10), { start: 7, end: 9 });
  assert.deepEqual(parseByteRange("bytes=-99", 10), { start: 0, end: 9 });
  for (const digits of ["99999999999999999999", "9".repeat(400)]) {
    assert.deepEqual(parseByteRange(`bytes=0-${digits}`, 10), { start: 0, end: 9 });
    assert.deepEqual(parseByteRange(`bytes=-${digits}`, 10), { start: 0, end: 9 });
  }
});

test("what begins behind the end cannot be satisfied", () => {
  for (const header of ["bytes=10-", "bytes=10-20", "bytes=-0", `bytes=${"9".repeat(400)}-`]) {
    assert.equal(parseByteRange(header, 10), "unsatisfiable", header);
  }
  for (const header of ["bytes=0-", "bytes=-5"])
    assert.equal(parseByteRange(header, 0), "unsatisfiable", header);
});

test("several ranges, other units and nonsense mean the whole", () => {
  for (const header of [
    undefined,
    "",
    "bytes=",
    "bytes=-",
    "bytes=5-2",
    "bytes=0-1,3-4",
    "lines=1-2",
    "bytes=a-b",
  ]) {
    assert.equal(parseByteRange(header, 10), null, header);
  }
});
