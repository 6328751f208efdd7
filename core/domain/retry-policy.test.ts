// Back-off: exponential, with full jitter, bounded, and never shorter than the other side asked for.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_RETRY, nextRetryMs } from "./retry-policy.ts";

const policy = { maxAttempts: 5, backoffMs: 100, maxBackoffMs: 1_000 };
const AT_MOST = 0.999_999_999;

test("the ceiling doubles with every failure up to the longest back-off", () => {
  const ceilings = [1, 2, 3, 4].map((failures) => nextRetryMs(policy, failures, AT_MOST));
  assert.deepEqual(ceilings, [99, 199, 399, 799]);
  assert.equal(nextRetryMs({ ...policy, maxAttempts: 100 }, 50, AT_MOST), 999);
});

test("full jitter: from nothing to the ceiling", () => {
  assert.equal(nextRetryMs(policy, 3, 0), 0);
  assert.equal(nextRetryMs(policy, 3, 0.5), 200);
});

test("after the last attempt there is no other", () => {
  assert.equal(nextRetryMs(policy, 5, 0), null);
  assert.equal(nextRetryMs(policy, 6, 0), null);
  assert.equal(nextRetryMs(NO_RETRY, 1, 0), null);
});

test("an attempt lost with its worker counts as none: the first one is still allowed", () => {
  assert.equal(nextRetryMs(NO_RETRY, 0, AT_MOST), 0);
});

test("Retry-After is the least, the policy's longest back-off the most", () => {
  assert.equal(nextRetryMs(policy, 1, 0, 700), 700);
  assert.equal(nextRetryMs(policy, 4, AT_MOST, 10), 799);
  assert.equal(nextRetryMs(policy, 1, 0, 86_400_000), 1_000);
});

test("every wait is a whole number from 0 to the longest back-off", () => {
  const policies = fc.record({
    maxAttempts: fc.nat(100),
    backoffMs: fc.nat(86_400_000),
    maxBackoffMs: fc.nat(86_400_000),
  });
  fc.assert(
    fc.property(
      policies,
      fc.nat(120),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.nat(),
      (given, failures, random, after) => {
        const wait = nextRetryMs(given, failures, random, after);
        if (failures >= given.maxAttempts) return wait === null;
        return wait !== null && Number.isInteger(wait) && wait >= 0 && wait <= given.maxBackoffMs;
      },
    ),
  );
});
