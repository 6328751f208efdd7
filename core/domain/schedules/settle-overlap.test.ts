// Each rule for slots that are due while the last execution is there, or is not.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overlap } from "./schedule.ts";
import { MOST_PENDING, settleOverlap } from "./settle-overlap.ts";

const [SLOTS, NONE] = [[1, 2, 3], { start: [], wait: [], skipped: [], cancel: null }];
const settle = (overlap: Overlap, liveId: string | null, pending = 0) =>
  settleOverlap(SLOTS, { overlap, liveId, pending });

test("allow starts all, whatever is there", () => {
  assert.deepEqual(settle("allow", "live"), { ...NONE, start: SLOTS });
  assert.deepEqual(settle("allow", null), { ...NONE, start: SLOTS });
});

test("skip starts the first when nothing is in its way, and says what was in the others'", () => {
  const run = (first: number, slots: number, executionId: string) => [
    { first, last: 3, slots, reason: "overlap", executionId },
  ];
  assert.deepEqual(settle("skip", null), { ...NONE, start: [1], skipped: run(2, 2, "first") });
  assert.deepEqual(settle("skip", "live"), { ...NONE, skipped: run(1, 3, "live") });
});

test("cancel starts the newest only, in the place of what is there", () => {
  const skipped = [{ first: 1, last: 2, slots: 2, reason: "replaced", executionId: "first" }];
  assert.deepEqual(settle("cancel", "live"), { ...NONE, start: [3], skipped, cancel: "live" });
  assert.deepEqual(settle("cancel", null), { ...NONE, start: [3], skipped });
});

test("queue lets the others wait, behind those that do already, up to its most", () => {
  assert.deepEqual(settle("queue", null), { ...NONE, start: [1], wait: [2, 3] });
  assert.deepEqual(settle("queue", null, 1), { ...NONE, wait: SLOTS });
  assert.deepEqual(settle("queue", "live"), { ...NONE, wait: SLOTS });
  const skipped = [{ first: 3, last: 3, slots: 1, reason: "queue_full", executionId: "live" }];
  assert.deepEqual(settle("queue", "live", MOST_PENDING - 2), { ...NONE, wait: [1, 2], skipped });
});

test("nothing comes of no slots, and nobody is cancelled for them", () => {
  assert.deepEqual(settleOverlap([], { overlap: "cancel", liveId: "live", pending: 0 }), NONE);
});
