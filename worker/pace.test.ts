// How long a flood is held back beside others, and by whom: by a clock that only moves when it is told to.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BUSY } from "#core/domain/bands.ts";
import { createPace } from "./pace.ts";

const FLOOD = BUSY + 5;
const FEW = 4;

/** A pace under a clock of its own, and so many of the flood that run in it. */
function begin(t: TestContext, count: number) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 1_000;
  const pace = createPace({ now: () => now });
  const aged: number[] = [];
  const ends = Array.from({ length: count }, (_, index) => pace.start(FLOOD, () => aged.push(index)));
  const pass = (ms: number) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  return { pace, ends, aged, pass };
}

test("a flood is held to a few young ones while others come", (t) => {
  const { pace, pass } = begin(t, 0);
  pace.heard(2);
  for (let n = 0; n < FEW; n++) {
    assert.equal(pace.allows(FLOOD), true, `the ${n}th`);
    pace.start(FLOOD, () => {});
  }
  assert.equal(pace.allows(FLOOD), false);
  pass(40);
  assert.equal(pace.allows(FLOOD), false);
});

test("a second after the last bell of another nobody is held back any more", (t) => {
  const { pace, ends, pass } = begin(t, 0);
  const young = () => ends.push(...Array.from({ length: FEW }, () => pace.start(FLOOD, () => {})));
  pace.heard(2);
  pass(999);
  young();
  assert.equal(pace.allows(FLOOD), false);
  pass(1);
  assert.equal(pace.allows(FLOOD), true);
  pace.heard(2);
  assert.equal(pace.allows(FLOOD), false, "until the next one comes");
});

test("one that runs for 50 ms counts no more, and tells so; one that ends before tells nothing", (t) => {
  const { pace, ends, aged, pass } = begin(t, FEW);
  pace.heard(2);
  ends[0]?.();
  assert.equal(pace.allows(FLOOD), true);
  pace.start(FLOOD, () => aged.push(FEW));
  assert.equal(pace.allows(FLOOD), false);
  pass(49);
  assert.deepEqual([pace.allows(FLOOD), aged], [false, []]);
  pass(1);
  assert.deepEqual([pace.allows(FLOOD), aged], [true, [1, 2, 3, FEW]]);
  for (const end of ends) end();
  for (let n = 0; n < FEW; n++) pace.start(FLOOD, () => {});
  assert.equal(pace.allows(FLOOD), false, "an end after its youth counts nothing twice");
});

test("held back is who is three bands or more above the lightest that came lately, and a heavier one does not hide it", (t) => {
  const { pace, pass } = begin(t, FEW);
  pace.heard(2);
  assert.deepEqual([pace.allows(BUSY + 4), pace.allows(BUSY + 5)], [true, false]);
  pass(20);
  pace.heard(4);
  assert.equal(pace.allows(BUSY + 5), false);
  pace.heard(1);
  assert.equal(pace.allows(BUSY + 4), false);
  assert.equal(pace.allows(1), true, "who is not busy is never held back");
});

test("a busy one that is asked for without its band is the one heard last", (t) => {
  const { pace } = begin(t, FEW);
  pace.heard(0);
  pace.heard(BUSY + 9);
  assert.equal(pace.allows(), false);
  pace.heard(BUSY + 1);
  assert.equal(pace.allows(), true);
});
