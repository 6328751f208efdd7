// Transactions of schedules stay short: by their fires, and by the bytes of their inputs.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overlap } from "../../domain/schedules/schedule.ts";
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import { fittingInputs, splitChunks, turnsOf, weighPlanned, weighReady } from "./split-chunks.ts";

const planned = (fires: number, inputBytes = 10, overlap: Overlap = "allow") => ({
  schedule: { inputBytes, overlap } as unknown as DueSchedule,
  plan: { fire: Array.from({ length: fires }, (_, index) => index), skipped: [], nextRunAt: null },
});
async function sizes(all: ReturnType<typeof planned>[]): Promise<number[]> {
  const found: number[] = [];
  for await (const { length } of splitChunks(all, weighPlanned)) found.push(length);
  return found;
}

test("200 fires are the most, those that only skip count too, and order is kept", async () => {
  assert.deepEqual(await sizes(Array.from({ length: 450 }, () => planned(1))), [200, 200, 50]);
  assert.deepEqual(await sizes(Array.from({ length: 201 }, () => planned(0))), [200, 1]);
  assert.deepEqual(await sizes([planned(150), planned(51), planned(150)]), [1, 1, 1]);
  assert.deepEqual(await sizes([]), []);
});

test("one that is too much on its own is alone", async () => {
  assert.deepEqual(await sizes([planned(1), planned(500), planned(1)]), [1, 1, 1]);
  assert.deepEqual(await sizes([planned(1, 1_500_000), planned(1, 1_500_000), planned(1)]), [1, 2]);
});

test("an input counts for each execution that may start, and once where only one does", async () => {
  const both = (overlap: Overlap) => sizes([planned(20, 60_000, overlap), planned(20, 60_000, overlap)]);
  assert.deepEqual(await both("allow"), [1, 1]);
  assert.deepEqual(await both("queue"), [2]);
  assert.deepEqual(
    [fittingInputs(2, 500), fittingInputs(300_000, 500), fittingInputs(3_000_000, 500)],
    [500, 6, 1],
  );
  const ready = { id: "s", workspaceId: "w", inputBytes: 300_000 };
  assert.deepEqual(
    [turnsOf({ ...ready, overlap: "allow" }), turnsOf({ ...ready, overlap: "queue" })],
    [6, 1],
  );
  assert.deepEqual(weighReady({ ...ready, overlap: "allow" }), { fires: 6, bytes: 1_800_000 });
});
