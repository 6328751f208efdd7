import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createScriptRunner } from "../../script/script-runner.ts";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";
import { mentionedNodes } from "./mentioned-nodes.ts";

const scripts = createScriptRunner({ poolSize: 2 });
after(() => scripts.close());

const execution = { id: "e", startedAt: "2026-03-01T12:00:00.000Z" };

function run(config: unknown, input: unknown = null) {
  const asked: unknown[] = [];
  const context = testContext({
    ports: { scripts },
    visible: (ids) => {
      asked.push(ids);
      return { input, nodes: { a: 1, b: 2 }, trigger: null, execution };
    },
  });
  return { asked, outcome: nodeRunners.get("code.javascript")?.(config, context) };
}

test("puts out what the script returns", async () => {
  const { outcome, asked } = run({ source: "return { sum: nodes.a + nodes['b'] + input }" }, 4);
  assert.deepEqual(await outcome, { kind: "output", output: { sum: 7 } });
  assert.deepEqual(asked, [["a", "b"]]);
});

test("an input that is never named is not sent, however big", async () => {
  const { outcome } = run({ source: "return 1" }, "x".repeat(9_000_000));
  assert.deepEqual(await outcome, { kind: "output", output: 1 });
});

test("the script's time is the config's, up to a minute", async () => {
  await assert.rejects(async () => run({ source: "while (true) {}", timeoutMs: 50 }).outcome, {
    code: "script_limit",
  });
  for (const timeoutMs of [0, 60_001, "5"]) {
    await assert.rejects(async () => run({ source: "return 1", timeoutMs }).outcome, {
      code: "invalid_config",
    });
  }
  await assert.rejects(async () => run({ source: " ".repeat(262_145) }).outcome, { code: "invalid_config" });
});

test("which nodes a script can read is seen in its text, or all are sent", () => {
  const cases: ReadonlyArray<readonly [string, string[] | undefined]> = [
    ["return input", []],
    ["return nodes.a + nodes . b?.c + nodes?.d", ["a", "b", "d"]],
    ["return nodes['a'] + nodes?.[\"b_1\"]", ["a", "b_1"]],
    ["const { a } = nodes", undefined],
    ["return nodes[input.id]", undefined],
    ["return nodes[`a`]", undefined],
    ["return nodes/**/.a", undefined],
    ["return eval('no' + 'des').a", undefined],
    ["return arguments[1].a", undefined],
    ["return \\u006eodes.a", undefined],
    ["const nodesOf = 1; return nodesOf", []],
  ];
  for (const [source, ids] of cases) assert.deepEqual(mentionedNodes(source), ids, source);
});
