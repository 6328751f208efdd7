// The text of API keys: unlike each other, checked before any look-up, told apart from access tokens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createApiKey, hintOf, isApiKey, isWellFormedApiKey } from "./api-keys.ts";

test("a key has the prefix, 256 bits and a checksum, and no other has them", () => {
  const keys = Array.from({ length: 1_000 }, createApiKey);
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) {
    assert.match(key, /^atl_[A-Za-z0-9_-]{43}[0-9a-f]{8}$/);
    assert.ok(isApiKey(key) && isWellFormedApiKey(key));
    assert.equal(key.slice(0, 8), hintOf(key));
  }
});

test("every changed, missing or added character is noticed", () => {
  const key = createApiKey();
  for (let at = 0; at < key.length; at++) {
    const other = key[at] === "a" ? "b" : "a";
    assert.equal(isWellFormedApiKey(key.slice(0, at) + other + key.slice(at + 1)), false, `changed at ${at}`);
    assert.equal(isWellFormedApiKey(key.slice(0, at) + key.slice(at + 1)), false, `missing at ${at}`);
  }
  for (const token of [`${key}a`, `${key}\n`, key.toUpperCase(), "atl_", ""]) {
    assert.equal(isWellFormedApiKey(token), false, token);
  }
  assert.equal(isApiKey("eyJhbGciOiJIUzI1NiJ9.e30.x"), false);
});
