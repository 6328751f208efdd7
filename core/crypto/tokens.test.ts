import assert from "node:assert/strict";
import { test } from "node:test";
import { constantTimeEqual, createOpaqueToken, hashToken } from "./tokens.ts";

test("an opaque token carries its prefix and 256 random bits", () => {
  const token = createOpaqueToken("atl_");
  assert.match(token, /^atl_[A-Za-z0-9_-]{43}$/);
  assert.equal(new Set(Array.from({ length: 100 }, () => createOpaqueToken())).size, 100);
});

test("the hash is SHA-256", () => {
  assert.equal(
    hashToken("abc").toString("hex"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

test("comparison takes texts and bytes of any length", () => {
  assert.equal(constantTimeEqual("same", Buffer.from("same")), true);
  assert.equal(constantTimeEqual("same", "Same"), false);
  assert.equal(constantTimeEqual("", "longer"), false);
});
