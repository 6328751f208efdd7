import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BUSY } from "#core/domain/bands.ts";
import { createPace } from "./pace.ts";
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

test("while it is shut nothing begins and there is no room; what waits goes on when it opens", async () => {
  const slots = createSlots(2, { patienceMs: 60_000 });
  const [under, waiting] = [createWork(), createWork()];
  const runs = [slots.run(under.run)];
  await turn();
  slots.shut(true);
  runs.push(slots.run(waiting.run));
  await turn();
  assert.deepEqual([under.started, waiting.started, slots.hasRoom()], [true, false, false]);
  slots.shut(false);
  await turn();
  assert.equal(waiting.started, true);
  for (const work of [under, waiting]) work.end();
  assert.deepEqual(await Promise.all(runs), [true, true]);
});

/** So many of `band` that each wait for their end, and what has started of them. */
function runMany(slots: ReturnType<typeof createSlots>, count: number, band: number) {
  const works = Array.from({ length: count }, createWork);
  const runs = works.map((work) => slots.run(work.run, band));
  return { works, runs, started: () => works.filter((work) => work.started).length };
}

test("who is of a lower band goes first, whenever it came", async () => {
  const slots = createSlots(1);
  const order: number[] = [];
  const first = createWork();
  const runs = [slots.run(first.run, 3)];
  for (const band of [20, 4, 0, 4]) runs.push(slots.run(async () => void order.push(band), band));
  first.end();
  assert.deepEqual(await Promise.all(runs), [true, true, true, true, true]);
  assert.deepEqual(order, [0, 4, 4, 20]);
});

test("what waits for too long is not run, and the next one's turn comes", async () => {
  const slots = createSlots(1, { patienceMs: 1 });
  const first = createWork();
  const running = slots.run(first.run);
  const late = createWork();
  assert.equal(await slots.run(late.run), false);
  first.end();
  assert.deepEqual([await running, late.started], [true, false]);
  assert.equal(await slots.run(async () => {}), true);
});

test("while busy workspaces have all slots, one more for each eight is there for others, and only then", async () => {
  const slots = createSlots(8, { patienceMs: 60_000 });
  const flood = runMany(slots, 9, BUSY + 8);
  await turn();
  assert.deepEqual([flood.started(), slots.hasRoom(true), slots.hasRoom()], [8, false, true]);
  const others = runMany(slots, 2, 8);
  await turn();
  assert.deepEqual([others.started(), slots.hasRoom()], [1, false]);
  for (const work of [...flood.works, ...others.works]) work.end();
  await Promise.all([...flood.runs, ...others.runs]);
  const alone = runMany(slots, 9, 0);
  await turn();
  assert.equal(alone.started(), 8);
  for (const work of alone.works) work.end();
  await Promise.all(alone.runs);
});

test("beside others a busy workspace starts a few at a time, alone or among its like as many as there are slots", async () => {
  const open = () => createSlots(40, { patienceMs: 60_000, pace: createPace({ youngMs: 60_000 }) });
  const [beside, alone] = [open(), open()];
  await beside.run(async () => {}, 2);
  const held = runMany(beside, 40, BUSY + 5);
  const near = runMany(beside, 4, BUSY + 4);
  const free = runMany(alone, 20, BUSY + 5);
  const like = runMany(alone, 20, BUSY + 1);
  await turn();
  assert.deepEqual([held.started(), free.started(), like.started()], [4, 20, 20]);
  assert.deepEqual([near.started(), beside.hasRoom(true), beside.hasRoom()], [4, false, true]);
  held.works[0]?.end();
  await turn();
  assert.equal(held.started(), 4, "the four of the other one are young too");
  for (const work of near.works) work.end();
  await turn();
  assert.equal(held.started(), 5);
  for (const work of [...held.works, ...free.works, ...like.works]) work.end();
  await Promise.all([...held.runs, ...free.runs, ...like.runs]);
});
