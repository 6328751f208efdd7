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

test("leaves by the port of the answer, and says who said what to which question", () => {
  const resumed = { startedAt: "", until: null, isDue: false, waitsFor: null };
  for (const decision of ["approved", "rejected", "expired"]) {
    const answer = { decision, decisions: [{ userId: "u", decision: "approve", comment: null, at: "" }] };
    const outcome = run({ message: "Pay?" }, { resumed: { ...resumed, answer } });
    assert.deepEqual(outcome, { kind: "output", output: { ...answer, message: "Pay?" }, port: decision });
  }
  assert.equal(
    (run({ message: "Pay?" }, { resumed: { ...resumed, answer: undefined } }) as { kind: string }).kind,
    "approval",
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
