// Cursors go there and back, and anything else is the client's fault.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { decodeCursor, encodeCursor, pageQuery } from "./pagination.ts";

test("a cursor comes back as it went", () => {
  for (const key of [["a"], ["2026-01-01T00:00:00.000Z", "ü\u2028"]]) {
    const cursor = encodeCursor(key);
    assert.match(cursor, /^[\w-]+$/);
    assert.deepEqual(decodeCursor(cursor, key.length), key);
  }
  assert.equal(decodeCursor(undefined, 1), undefined);
});

test("a cursor of another making is refused", () => {
  const spaced = Buffer.from('[ "a" ]').toString("base64url");
  for (const cursor of [
    "x",
    "",
    "e30",
    spaced,
    `${encodeCursor(["a"])}=`,
    `!${encodeCursor(["a"])}`,
    encodeCursor(["a", "b"]),
    Buffer.from("[1]").toString("base64url"),
  ]) {
    assert.throws(() => decodeCursor(cursor, 1), { code: "invalid_request" }, cursor);
  }
});

test("limits are whole numbers from 1 to 200, 50 by default", () => {
  const schema = z.strictObject(pageQuery);
  assert.equal(schema.parse({}).limit, 50);
  assert.equal(schema.parse({ limit: "200" }).limit, 200);
  for (const limit of ["0", "201", "-1", "1.5", "x", "", " ", "1e9", ["1", "2"]]) {
    assert.equal(schema.safeParse({ limit }).success, false, String(limit));
  }
});
