// Times come out in UTC whatever their offset, and years PostgreSQL or the ids cannot hold are refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "./instant.ts";

test("every offset becomes UTC", () => {
  for (const [given, meant] of [
    ["2020-01-01T00:00:00-23:59", "2020-01-01T23:59:00.000Z"],
    ["2020-01-01T00:00:00.123456+05:30", "2019-12-31T18:30:00.123Z"],
    ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ] as const) {
    assert.equal(instant.parse(given), meant);
  }
});

test("other years and what is no time are refused", () => {
  for (const text of [
    "0000-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "2021-02-30T00:00:00Z",
    "2020-01-01T00:00:00",
    "2020-01-01T24:00:01Z",
    "2020-01-01T00:00:60Z",
    "2020-01-01T00:00:00+99:99",
    "now",
    "",
  ]) {
    assert.equal(instant.safeParse(text).success, false, text);
  }
});
