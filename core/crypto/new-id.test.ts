// New ids: each once, in the order of time, over more than one filling of random bytes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { version } from "uuid";
import { createId } from "./new-id.ts";

test("a thousand ids are a thousand different UUIDv7, also in their random part", () => {
  const ids = Array.from({ length: 1_000 }, createId);
  assert.equal(new Set(ids).size, 1_000);
  assert.equal(new Set(ids.map((id) => id.slice(19))).size, 1_000);
  assert.ok(ids.every((id) => version(id) === 7));
});

test("an id made later is greater", async () => {
  const first = createId();
  await delay(2);
  assert.ok(first < createId());
});
