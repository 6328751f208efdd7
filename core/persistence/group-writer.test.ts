// Group commit: what shares a batch, what a failure does to it, and that everybody gets their own answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createGroupWriter, type GroupWriterOptions } from "./group-writer.ts";

function writerOf(
  writeBatch: (items: readonly number[]) => Promise<string[]>,
  options: Partial<GroupWriterOptions<number, string>> = {},
) {
  const batches: number[][] = [];
  const writer = createGroupWriter<number, string>({
    writeBatch(items) {
      batches.push([...items]);
      return writeBatch(items);
    },
    maxBatch: 4,
    maxInFlight: 2,
    isShared: () => false,
    ...options,
  });
  return { writer, batches };
}

const answer = async (items: readonly number[]) => items.map((item) => `r${item}`);

test("what arrives in one turn is one batch, in order, and everybody gets their own result", async () => {
  const { writer, batches } = writerOf(answer);
  const results = await Promise.all([1, 2, 3].map((item) => writer.write(item)));
  assert.deepEqual(results, ["r1", "r2", "r3"]);
  assert.deepEqual(batches, [[1, 2, 3]]);
});

test("no batch is larger than allowed and no more are in flight than allowed", async () => {
  let inFlight = 0;
  let most = 0;
  const { writer, batches } = writerOf(async (items) => {
    most = Math.max(most, ++inFlight);
    await turn();
    inFlight--;
    return answer(items);
  });
  const items = Array.from({ length: 19 }, (_, index) => index);
  assert.deepEqual(
    await Promise.all(items.map((item) => writer.write(item))),
    items.map((item) => `r${item}`),
  );
  assert.equal(most, 2);
  assert.ok(batches.every((batch) => batch.length <= 4));
  assert.deepEqual(batches.flat(), items);
});

test("one bad item is halved out: it alone is rejected, the rest are written", async () => {
  const written: number[] = [];
  const { writer } = writerOf(
    async (items) => {
      if (items.includes(5)) throw new Error("five is bad");
      written.push(...items);
      return answer(items);
    },
    { maxBatch: 16 },
  );
  const results = await Promise.allSettled(Array.from({ length: 11 }, (_, index) => writer.write(index)));
  assert.deepEqual(
    results.map((result, index) => (result.status === "rejected" ? `!${index}` : result.value)),
    ["r0", "r1", "r2", "r3", "r4", "!5", "r6", "r7", "r8", "r9", "r10"],
  );
  assert.deepEqual(written, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]);
});

test("a failure that is nobody's fault rejects the whole batch at once", async () => {
  const { writer, batches } = writerOf(() => Promise.reject(new Error("away")), { isShared: () => true });
  const results = await Promise.allSettled([1, 2, 3].map((item) => writer.write(item)));
  assert.ok(results.every((result) => result.status === "rejected"));
  assert.equal(batches.length, 1);
});

test("after a failure the writer goes on", async () => {
  let calls = 0;
  const { writer } = writerOf(
    (items) => (calls++ === 0 ? Promise.reject(new Error("once")) : answer(items)),
    { isShared: () => true, maxInFlight: 1 },
  );
  await assert.rejects(writer.write(1), /once/);
  assert.equal(await writer.write(2), "r2");
});

test("drain waits for what is in flight and for what waits behind it, and is immediate when idle", async () => {
  const gate = Promise.withResolvers<void>();
  const { writer, batches } = writerOf(
    async (items) => {
      await gate.promise;
      return answer(items);
    },
    { maxBatch: 1, maxInFlight: 1 },
  );
  await writer.drain();
  const writes = [1, 2, 3].map((item) => writer.write(item));
  let drained = false;
  const drain = writer.drain().then(() => {
    drained = true;
  });
  await turn();
  assert.equal(drained, false);
  gate.resolve();
  await drain;
  assert.equal(batches.length, 3);
  await Promise.all(writes);
});

test("a batch takes no more than its weight, and one item alone may weigh more", async () => {
  const batches: number[][] = [];
  const writer = createGroupWriter<number, number>({
    async writeBatch(items) {
      batches.push([...items]);
      return [...items];
    },
    maxBatch: 100,
    maxInFlight: 1,
    weigh: { of: (item) => item, max: 10 },
    isShared: () => false,
  });
  await Promise.all([4, 4, 4, 50, 1].map((item) => writer.write(item)));
  assert.deepEqual(batches, [[4, 4], [4], [50], [1]]);
});

test("every batch is observed with its size, also one that fails", async () => {
  const seen: number[] = [];
  const { writer, batches } = writerOf(
    async (items) => {
      if (items.includes(2)) throw new Error("two is bad");
      return answer(items);
    },
    {
      observe(items, seconds) {
        seen.push(items);
        assert.ok(seconds >= 0 && seconds < 60);
      },
    },
  );
  await Promise.allSettled([1, 2, 3].map((item) => writer.write(item)));
  assert.deepEqual(
    seen,
    batches.map((batch) => batch.length),
  );
  assert.deepEqual(seen, [3, 1, 2, 1, 1]);
});
