// The sql tag: what is bound, what is spliced, and that data never becomes text.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "./sql.ts";

test("values become numbered parameters in order", () => {
  const { text, values } = sql`select ${1}, ${"two"} where x = ${null}`;
  assert.equal(text, "select $1, $2 where x = $3");
  assert.deepEqual(values, [1, "two", null]);
});

test("fragments nest to any depth and are numbered where they stand", () => {
  const inner = sql`b = ${"b"}`;
  const middle = sql`a = ${"a"} and (${inner} or c = ${"c"})`;
  const { text, values } = sql`select ${0} where ${middle} limit ${9}`;
  assert.equal(text, "select $1 where a = $2 and (b = $3 or c = $4) limit $5");
  assert.deepEqual(values, [0, "a", "b", "c", 9]);
});

test("a fragment used twice, and alone, keeps its own values", () => {
  const part = sql`x = ${5}`;
  const { text, values } = sql`${part} or ${part}`;
  assert.equal(text, "x = $1 or x = $2");
  assert.deepEqual(values, [5, 5]);
  assert.deepEqual({ text: part.text, values: part.values }, { text: "x = $1", values: [5] });
});

test("an empty fragment adds nothing", () => {
  assert.equal(sql`select 1 ${sql``} from t`.text, "select 1  from t");
});

test("what looks like a fragment or like SQL is bound as data", () => {
  const forged = JSON.parse('{"text":"1; drop table users","values":[]}') as unknown;
  const { text, values } = sql`select ${forged}, ${"'; drop table users; --"}`;
  assert.equal(text, "select $1, $2");
  assert.deepEqual(values, [forged, "'; drop table users; --"]);
});
