// Transactions of planned schedules stay short: by their fires, and by the bytes of their inputs.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import { splitChunks } from "./split-chunks.ts";

const planned = (fires: number, inputSize = 10) => ({
  schedule: { inputSize } as DueSchedule,
  plan: { fire: Array.from({ length: fires }, (_, index) => index), skipped: [], nextRunAt: null },
});
const sizes = (all: ReturnType<typeof planned>[]) => splitChunks(all).map(({ length }) => length);

test("200 fires are the most, those that only skip count too, and order is kept", () => {
  assert.deepEqual(sizes(Array.from({ length: 450 }, () => planned(1))), [200, 200, 50]);
  assert.deepEqual(sizes(Array.from({ length: 201 }, () => planned(0))), [200, 1]);
  assert.deepEqual(sizes([planned(150), planned(51), planned(150)]), [1, 1, 1]);
  assert.deepEqual(sizes([]), []);
});

test("one that is too much on its own is alone", () => {
  assert.deepEqual(sizes([planned(1), planned(500), planned(1)]), [1, 1, 1]);
  assert.deepEqual(sizes([planned(1, 1_500_000), planned(1, 1_500_000), planned(1)]), [1, 2]);
});
