import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeDefinitions } from "../definitions.ts";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const YEAR_MS = 31_536_000_000;
const run = (config: unknown, given = {}) => nodeRunners.get("flow.wait")?.(config, testContext(given));

test("asks to wait for so long, or until a time of any zone", () => {
  assert.deepEqual(run({ ms: 90_000 }), { kind: "suspend", until: 90_000 });
  assert.deepEqual(run({ ms: 0 }), { kind: "suspend", until: 0 });
  assert.deepEqual(run({ until: "2030-01-31T08:00:00+01:00" }), {
    kind: "suspend",
    until: "2030-01-31T07:00:00.000Z",
  });
});

test("says until when it waited once the time has come, and waits on when woken before", () => {
  const resumed = { startedAt: "", until: "2030-01-31T07:00:00.000Z", waitsFor: null, answer: undefined };
  assert.deepEqual(run({ ms: 5 }, { resumed: { ...resumed, isDue: true } }), {
    kind: "output",
    output: { until: "2030-01-31T07:00:00.000Z" },
  });
  assert.deepEqual(run({ ms: 5 }, { resumed: { ...resumed, isDue: false } }), { kind: "suspend", until: 5 });
});

test("refuses both, neither, what is no time, and more than a year", () => {
  const bad = [{}, { ms: 1, until: "2030-01-31T08:00:00Z" }, { ms: -1 }, { ms: 1.5 }, { ms: YEAR_MS + 1 }];
  for (const config of [...bad, { until: "tomorrow" }, { until: "2030-02-30T08:00:00Z" }, { ms: 1, x: 1 }]) {
    assert.throws(() => run(config), { code: "invalid_config" }, JSON.stringify(config));
    assert.equal(nodeDefinitions.get("flow.wait")?.config.safeParse(config).success, false);
  }
  assert.deepEqual(run({ ms: YEAR_MS }), { kind: "suspend", until: YEAR_MS });
});
