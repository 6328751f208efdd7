import assert from "node:assert/strict";
import { test } from "node:test";
import { createWaiterLimit } from "./limit-waiters.ts";

test("one too many waits for nothing, those of another webhook do, and a place that is free again is taken", async () => {
  const limit = createWaiterLimit(2);
  const ended = Promise.withResolvers<string>();
  const failed = Promise.withResolvers<string>();
  const waiting = [limit("a", () => ended.promise), limit("a", () => failed.promise)];
  assert.equal(await limit("a", async () => "too many"), null);
  assert.equal(await limit("b", async () => "another"), "another");
  failed.reject(new Error("the database is away"));
  await assert.rejects(async () => waiting[1]);
  assert.equal(await limit("a", async () => "free"), "free");
  ended.resolve("done");
  assert.equal(await waiting[0], "done");
});
