// The months of ids: the condition holds for every id it was made of, and nothing is said of odd ones.
import assert from "node:assert/strict";
import { test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { inMonthsOf } from "./months-of-ids.ts";

const now = Date.UTC(2026, 10, 23);
const idAt = (ms: number) => uuidv7({ msecs: ms });
const boundsOf = (ids: readonly string[]) => {
  const { text, values } = inMonthsOf(ids, now);
  assert.deepEqual(values, []);
  const [, from = "", to = ""] =
    /^and e\.id >= '([0-9a-f-]{36})' and e\.id < '([0-9a-f-]{36})'$/.exec(text) ?? [];
  return { from, to };
};

test("ids of one month: from its first instant to the first of the next", () => {
  const { from, to } = boundsOf([idAt(Date.UTC(2026, 10, 7)), idAt(Date.UTC(2026, 10, 1))]);
  assert.equal(Number.parseInt(from.replaceAll("-", "").slice(0, 12), 16), Date.UTC(2026, 10));
  assert.equal(Number.parseInt(to.replaceAll("-", "").slice(0, 12), 16), Date.UTC(2026, 11));
});

test("every id lies between the bounds, at the edges of months too", () => {
  const edges = [Date.UTC(2026, 0), Date.UTC(2026, 1) - 1, Date.UTC(2025, 11, 31, 23, 59, 59, 999), now];
  const ids = edges.map(idAt);
  for (let count = 1; count <= ids.length; count++) {
    const some = ids.slice(0, count);
    const { from, to } = boundsOf(some);
    assert.ok(some.every((id) => from <= id && id < to));
  }
  const december = boundsOf([idAt(Date.UTC(2025, 11, 31))]);
  assert.equal(Number.parseInt(december.to.replaceAll("-", "").slice(0, 12), 16), Date.UTC(2026, 0));
});

test("capital letters mean the same, and nothing is said of none, of old, of coming and of made-up ids", () => {
  assert.deepEqual(boundsOf([idAt(now).toUpperCase()]), boundsOf([idAt(now)]));
  const odd = [
    [],
    [idAt(Date.UTC(2023, 11, 31))],
    [idAt(now + 40 * 86_400_000)],
    [idAt(now), "'; drop table users; --'aaaaaaaaaaaaaa"],
    ["ffffffff-ffff-7fff-bfff-ffffffffffff"],
  ];
  for (const ids of odd) assert.equal(inMonthsOf(ids, now).text, "");
});
