// What a history says in words: of one slot and of many, true whatever made them late.
import assert from "node:assert/strict";
import { test } from "node:test";
import { explainSlot, type ToldSlot } from "./explain-slot.ts";

const [FIRST, LAST] = ["2031-03-09T07:00:00.000Z", "2031-03-09T08:00:00.000Z"];
const skipped: ToldSlot = {
  ...{ kind: "slot", outcome: "skipped", scheduledFor: FIRST, through: null, slots: 1, reason: "missed" },
  ...{ version: null, executionId: null, at: LAST },
};
const explain = (given: Partial<ToldSlot>) => explainSlot({ ...skipped, ...given }, { isPaused: false });

test("slots that were missed are told of in one sentence each, by number", () => {
  assert.equal(
    explain({}),
    `The slot of ${FIRST} was missed: nothing could start it in time, and this schedule skips what it misses.`,
  );
  assert.equal(
    explain({ reason: "replaced", slots: 12, through: LAST }),
    `12 slots from ${FIRST} to ${LAST} were missed: nothing could start them in time, and this schedule makes up for what it misses by one later slot.`,
  );
  assert.equal(
    explain({ reason: "too_many", slots: null, through: LAST }),
    `The slots from ${FIRST} to ${LAST} were missed: more than 10,000 were, and only the newest 10,000 are made up for.`,
  );
  assert.equal(
    explain({ reason: "too_late" }),
    `The slot of ${FIRST} was missed: it could only have started later than maxLatenessMs allows.`,
  );
});

test("nobody is blamed whom nobody saw: a full queue makes slots late too", () => {
  for (const reason of ["missed", "replaced", "too_late", "too_many"]) {
    assert.doesNotMatch(explain({ reason }), /scheduler\b|[{}]/);
  }
});

test("one that gave way names what ran, and one that nobody knows names its reason", () => {
  assert.equal(
    explain({ reason: "replaced", executionId: "e" }),
    `The slot of ${FIRST} gave way to a later one that was due at the same time and ran instead.`,
  );
  assert.equal(explain({ reason: "moon" }), `The slot of ${FIRST} did not run (moon).`);
  assert.match(
    explain({ outcome: "fired", version: 3 }),
    /^Ran version 3 for the slot of .*, 60 min late\.$/,
  );
});
