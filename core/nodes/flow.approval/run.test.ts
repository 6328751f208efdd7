import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeDefinitions } from "../definitions.ts";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const YEAR_MS = 31_536_000_000;
const run = (config: unknown, given = {}) => nodeRunners.get("flow.approval")?.(config, testContext(given));

test("asks with its defaults, and for each address once, in lower case", () => {
  const asked = { kind: "approval", message: "Pay?", approvers: [], quorum: 1, excludeRequester: false };
  assert.deepEqual(run({ message: "Pay?" }), asked);
  const approvers = ["Ada@Example.com", "ada@example.com", "role:owner"];
  assert.deepEqual(
    run({ message: "Pay?", approvers, quorum: 2, deadlineMs: YEAR_MS, excludeRequester: true }),
    {
      ...asked,
      approvers: ["ada@example.com", "role:owner"],
      quorum: 2,
      deadlineMs: YEAR_MS,
      excludeRequester: true,
    },
  );
});

test("refuses what nobody could read, give or reach", () => {
  const message = "Pay?";
  const bad = [
    ...[{}, { message: "" }, { message: "x".repeat(2_001) }, { message: 5 }, { message, more: 1 }],
    ...["role:auditor", "role:boss", "Owner", "a b@example.com", "", 7].map((one) => ({
      message,
      approvers: [one],
    })),
    ...[
      { message, quorum: 0 },
      { message, quorum: 51 },
      { message, quorum: 1.5 },
    ],
    ...[
      { message, deadlineMs: 0 },
      { message, deadlineMs: YEAR_MS + 1 },
      { message, excludeRequester: "yes" },
    ],
    { message, approvers: Array.from({ length: 51 }, (_, n) => `a${n}@example.com`) },
    { message, approvers: ["a@example.com", "A@example.com"], quorum: 2 },
  ];
  for (const config of bad) {
    assert.throws(() => run(config), { code: "invalid_config" }, JSON.stringify(config));
    assert.equal(nodeDefinitions.get("flow.approval")?.config.safeParse(config).success, false);
  }
  assert.ok(run({ message, approvers: ["a@example.com", "role:viewer"], quorum: 50 }));
});
