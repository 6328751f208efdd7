import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createSlots } from "./slots.ts";

function createWork() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = { started: false, end: resolve, run: async () => {} };
  work.run = async () => {
    work.started = true;
    await promise;
  };
  return work;
}

test("never more at once than there are slots, the rest in the order it came", async () => {
  const slots = createSlots(2);
  const works = Array.from({ length: 4 }, createWork);
  const runs = works.map((work) => slots.run(work.run));
  await turn();
  const started = () => works.map((work) => work.started);
  assert.deepEqual(started(), [true, true, false, false]);
  works[1]?.end();
  await turn();
  assert.deepEqual(started(), [true, true, true, false]);
  for (const work of works) work.end();
  await Promise.all(runs);
  assert.deepEqual(started(), [true, true, true, true]);
});

test("there is room again only when nobody waits for the slot", async () => {
  const slots = createSlots(1);
  await slots.awaitFree();
  const [first, second] = [createWork(), createWork()];
  const runs = [slots.run(first.run), slots.run(second.run)];
  let free = false;
  const awaited = slots.awaitFree().then(() => {
    free = true;
  });
  first.end();
  await turn();
  assert.deepEqual([second.started, free], [true, false]);
  second.end();
  await Promise.all([...runs, awaited]);
});

test("work that fails gives its slot back; a stop drops what waits and what comes later", async () => {
  const slots = createSlots(1);
  await assert.rejects(
    slots.run(async () => {
      throw new Error("boom");
    }),
    /boom/,
  );
  const [running, waiting, late] = [createWork(), createWork(), createWork()];
  const runs = [slots.run(running.run), slots.run(waiting.run)];
  await turn();
  slots.stop();
  await slots.run(late.run);
  running.end();
  await Promise.all(runs);
  assert.deepEqual([running.started, waiting.started, late.started], [true, false, false]);
});
