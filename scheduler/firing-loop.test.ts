// A loop that goes on with much to do is alive, before its look has ended; one that gets nowhere is not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import type { Firing } from "#core/services/schedules/fire-due.ts";
import { restAfter, startFiringLoop } from "./firing-loop.ts";

test("what has been dealt with counts before a look has ended, and the slowest loop is told of", async () => {
  const told: Record<string, () => void> = {};
  const look = (name: string) => (signal: AbortSignal, onProgress?: () => void) => {
    told[name] = onProgress ?? assert.fail();
    return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const firing: Firing = { look: look("look"), catchUp: look("catchUp"), takeTurns: look("takeTurns") };
  const loop = startFiringLoop(firing, pino({ level: "silent" }));
  assert.equal(loop.lastLookAt(), 0);
  told.look?.();
  told.takeTurns?.();
  assert.equal(loop.lastLookAt(), 0, "what is late has not been looked at yet");
  told.catchUp?.();
  const first = loop.lastLookAt();
  assert.ok(first > 0);
  await delay(5);
  for (const tell of Object.values(told)) tell();
  assert.ok(loop.lastLookAt() > first);
  await loop.stop();
});

test("rounds over what waits rest three times as long as they take, and never for long", () => {
  assert.deepEqual([0, 100, 1_000, 18_000].map(restAfter), [500, 500, 3_000, 5_000]);
});
