// Who may begin while others are young.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createFewAtOnce } from "./few-at-once.ts";

/** Work that says that it has begun, and ends when told. */
function makeWork() {
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let hasBegun = false;
  const run = () => {
    hasBegun = true;
    begun.resolve();
    return end.promise.then(() => "done");
  };
  return { run, begun: begun.promise, end: () => end.resolve(), hasBegun: () => hasBegun };
}

test("so many begin at once; whoever ends makes room for the next in line", async () => {
  const { run } = createFewAtOnce({ few: 2, youngMs: 60_000 });
  const works = Array.from({ length: 4 }, makeWork);
  const runs = works.map((work) => run(work.run));
  assert.deepEqual(
    works.map((work) => work.hasBegun()),
    [true, true, false, false],
  );
  works[1]?.end();
  await works[2]?.begun;
  assert.equal(works[3]?.hasBegun(), false);
  for (const work of works) work.end();
  assert.deepEqual(await Promise.all(runs), Array(4).fill("done"));
});

test("what has lived for long enough makes room while it goes on, and its end makes none a second time", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { run } = createFewAtOnce({ few: 1, youngMs: 1_000 });
  const [old, next, last] = [makeWork(), makeWork(), makeWork()];
  const runs = [run(old.run), run(next.run)];
  assert.equal(next.hasBegun(), false);
  t.mock.timers.tick(1_000);
  await next.begun;
  old.end();
  assert.equal(await runs[0], "done");
  runs.push(run(last.run));
  await new Promise(setImmediate);
  assert.equal(last.hasBegun(), false, "the next one is young");
  next.end();
  await last.begun;
  last.end();
  assert.deepEqual(await Promise.all(runs), ["done", "done", "done"]);
});
