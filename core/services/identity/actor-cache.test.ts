// The cache of look-ups: how long, how many, and what is never kept.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Actor } from "../../domain/roles.ts";
import { createActorCache } from "./actor-cache.ts";

const actor = (userId: string): Actor => ({
  userId,
  sessionId: userId,
  apiKey: null,
  email: "",
  name: "",
  isAdmin: false,
  memberships: [],
});

function counted() {
  let loads = 0;
  return { load: async () => actor(String(++loads)), loads: () => loads };
}

test("an answer is reused until it is too old", async () => {
  let now = 1_000;
  const cache = createActorCache({ maxAgeMs: 5_000, now: () => now });
  const { load } = counted();
  assert.equal((await cache.get("s", load)).userId, "1");
  now += 4_999;
  assert.equal((await cache.get("s", load)).userId, "1");
  now += 1;
  assert.equal((await cache.get("s", load)).userId, "2");
});

test("requests at the same time share one look-up", async () => {
  const cache = createActorCache({ maxAgeMs: 5_000, now: () => 0 });
  const { load, loads } = counted();
  await Promise.all(Array.from({ length: 10 }, () => cache.get("s", load)));
  assert.equal(loads(), 1);
});

test("a failure is told to those who asked and not kept", async () => {
  const cache = createActorCache({ maxAgeMs: 5_000, now: () => 0 });
  await assert.rejects(
    cache.get("s", () => Promise.reject(new Error("gone"))),
    /gone/,
  );
  assert.equal((await cache.get("s", counted().load)).userId, "1");
});

test("a forgotten person is looked up again, whichever name they go by, others are not", async () => {
  const cache = createActorCache({ maxAgeMs: 5_000, now: () => 0 });
  const ada = async () => actor("ada");
  const { load, loads } = counted();
  for (const name of ["session", "key"]) await cache.get(name, ada);
  await cache.get("other", load);
  cache.forgetUser("ada");
  for (const name of ["session", "key", "other"]) await cache.get(name, load);
  assert.equal(loads(), 3);
  cache.forgetAll();
  for (const name of ["session", "key", "other"]) await cache.get(name, load);
  assert.equal(loads(), 6);
});

test("a look-up that began before a person changed is not kept, whoever it turns out to be", async () => {
  const cache = createActorCache({ maxAgeMs: 5_000, now: () => 0 });
  const { promise, resolve } = Promise.withResolvers<Actor>();
  const early = cache.get("s", () => promise);
  cache.forgetUser("ada");
  resolve({ ...actor("ada"), name: "before" });
  assert.equal((await early).name, "before");
  assert.equal((await cache.get("s", async () => ({ ...actor("ada"), name: "after" }))).name, "after");
});

test("the oldest entry makes room when the cache is full", async () => {
  const cache = createActorCache({ maxAgeMs: 5_000, maxEntries: 2, now: () => 0 });
  const { load, loads } = counted();
  for (const session of ["a", "b", "c"]) await cache.get(session, load);
  assert.equal(loads(), 3);
  await cache.get("b", load);
  await cache.get("c", load);
  assert.equal(loads(), 3);
  await cache.get("a", load);
  assert.equal(loads(), 4);
});

test("S70: an answer is not reused past the end of a membership in it, counted from before the look-up", async () => {
  let now = 1_000;
  const cache = createActorCache({ maxAgeMs: 5_000, now: () => now });
  const { load, loads } = counted();
  const ending = async (): Promise<Actor> => {
    const membership = { workspaceId: "w", role: "viewer" as const };
    const end = { at: "2026-01-01T00:00:00Z", inMs: 300 };
    now += 50;
    return { ...(await load()), memberships: [{ ...membership, end }, membership] };
  };
  await cache.get("s", ending);
  now = 1_299;
  await cache.get("s", ending);
  assert.equal(loads(), 1);
  now = 1_300;
  await cache.get("s", ending);
  assert.equal(loads(), 2);
});
