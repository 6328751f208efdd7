// The api's canary: an answer counts for as long as the next one is on time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startReadiness } from "./readiness.ts";

const PATIENCE = { timeout: 15_000 };

test(
  "a canary that hangs after a good answer is found out, and is good again when it answers",
  PATIENCE,
  async (t) => {
    let hang: Promise<void> | undefined;
    const readiness = await startReadiness(
      async () => hang,
      () => {},
      20,
    );
    t.after(() => readiness.stop());
    assert.ok(readiness.isReady());
    const held = Promise.withResolvers<void>();
    hang = held.promise;
    while (readiness.isReady()) await delay(5);
    hang = undefined;
    held.resolve();
    while (!readiness.isReady()) await delay(5);
  },
);
