// One queue may fall silent while the other does not, and a worker may be full at every other look.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BUSY } from "#core/domain/bands.ts";
import { createLogger } from "#core/logger.ts";
import { listenForRings, type RingListenerOptions } from "./listen-for-rings.ts";

const PATIENCE = { timeout: 20_000 };

/** Rings come in by `ring`; what was opened and given up is told in the order in which it happened. */
async function listen(t: TestContext, options: Partial<RingListenerOptions>) {
  const told: string[] = [];
  const ended = Promise.withResolvers<void>();
  let ring: RingListenerOptions["handle"] = () => {};
  const listener = await listenForRings({
    async open(handle) {
      told.push("opened");
      ring = handle;
      return { stop: async () => {} };
    },
    handle: () => {},
    hasBacklog: async () => true,
    hasRoom: () => true,
    giveUp() {
      told.push("gave up");
      ended.resolve();
    },
    lookMs: 5,
    patienceMs: 50,
    logger: createLogger("worker", "silent"),
    onError: assert.ifError,
    ...options,
  });
  t.after(() => listener.stop());
  return { listener, told, ended: ended.promise, ring: (band: number) => ring(["an execution"], band) };
}

for (const [dead, alive] of [
  ["the others", BUSY],
  ["busy workspaces", 0],
] as const) {
  test(
    `the line of ${dead} is dead while the other rings: it is laid anew, then the worker ends`,
    PATIENCE,
    async (t) => {
      const { listener, told, ended, ring } = await listen(t, {});
      const ringing = setInterval(() => ring(alive), 2);
      t.after(() => clearInterval(ringing));
      await ended;
      assert.deepEqual(told, ["opened", "opened", "gave up"]);
      assert.equal(listener.isClaiming(), false);
    },
  );
}

test("looks at which the worker is full count for nothing, and undo nothing", PATIENCE, async (t) => {
  let looks = 0;
  const { told, ended } = await listen(t, { hasRoom: (ofBusy) => !ofBusy && looks++ % 2 === 0 });
  await ended;
  assert.deepEqual(told, ["opened", "opened", "gave up"]);
});

test("each queue is asked for its own backlog", PATIENCE, async (t) => {
  const { told, ended, ring } = await listen(t, { hasBacklog: async (ofBusy) => ofBusy });
  const ringing = setInterval(() => ring(0), 2);
  t.after(() => clearInterval(ringing));
  await ended;
  assert.equal(told.at(-1), "gave up");
});
