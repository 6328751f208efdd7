// The table of states: which moves exist, and that what is finished stays so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { canMove, EXECUTION_STATUSES, isTerminal, sourcesOf } from "./execution.ts";

test("the moves are those of the design and no others", () => {
  const moves = EXECUTION_STATUSES.flatMap((from) =>
    EXECUTION_STATUSES.filter((to) => canMove(from, to)).map((to) => `${from} ${to}`),
  );
  assert.deepEqual(
    new Set(moves),
    new Set([
      "queued running",
      "queued cancelled",
      "running waiting",
      "running queued",
      "running succeeded",
      "running failed",
      "running cancelled",
      "waiting queued",
      "waiting cancelled",
      "waiting failed",
    ]),
  );
});

test("nothing leads out of a finished state, and no state leads to itself", () => {
  assert.deepEqual(EXECUTION_STATUSES.filter(isTerminal), ["succeeded", "failed", "cancelled"]);
  for (const from of EXECUTION_STATUSES) {
    assert.equal(canMove(from, from), false);
    if (isTerminal(from)) assert.ok(EXECUTION_STATUSES.every((to) => !canMove(from, to)));
  }
});

test("the sources of a state are the states that lead to it", () => {
  assert.deepEqual(sourcesOf("running"), ["queued"]);
  assert.deepEqual(sourcesOf("cancelled"), ["queued", "running", "waiting"]);
  assert.deepEqual(sourcesOf("succeeded"), ["running"]);
  assert.deepEqual(sourcesOf("queued"), ["running", "waiting"]);
});
