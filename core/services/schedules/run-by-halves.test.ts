// One bad thing among good ones is told of alone; what concerns all of them is thrown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runByHalves } from "./run-by-halves.ts";

async function run(items: readonly number[], isBad: (item: number) => boolean, isShared = false) {
  const [done, bad]: [number[], number[]] = [[], []];
  let tries = 0;
  const work = async (some: readonly number[]) => {
    tries++;
    if (some.some(isBad)) throw new Error("bad");
    done.push(...some);
  };
  const onBad = async (item: number) => void bad.push(item);
  await runByHalves(items, work, { isShared: () => isShared, onBad });
  return { done, bad, tries };
}

test("all at once when nothing is bad, nothing for nothing", async () => {
  assert.deepEqual(await run([1, 2, 3], () => false), { done: [1, 2, 3], bad: [], tries: 1 });
  assert.deepEqual(await run([], () => true), { done: [], bad: [], tries: 0 });
});

test("the bad ones alone are left out, in few tries", async () => {
  const items = Array.from({ length: 200 }, (_, index) => index);
  const { done, bad, tries } = await run(items, (item) => item === 70 || item === 199);
  assert.deepEqual([bad, done.length], [[70, 199], 198]);
  assert.ok(tries < 40, String(tries));
});

test("what concerns all is thrown at once", async () => {
  await assert.rejects(
    run([1, 2, 3], () => true, true),
    /bad/,
  );
});
