import assert from "node:assert/strict";
import { test } from "node:test";
import { findDefinition } from "../definitions.ts";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

async function portFor(config: unknown): Promise<string | undefined> {
  const outcome = await nodeRunners.get("flow.switch")?.(config, testContext());
  assert.ok(outcome?.kind === "output");
  const value = (config as { value?: unknown }).value ?? null;
  assert.deepEqual(outcome.output, { value, port: outcome.port });
  return outcome.port;
}

function portsOf(config: Record<string, unknown>): readonly string[] {
  const outputs = findDefinition("flow.switch")?.outputs;
  assert.ok(typeof outputs === "function");
  return outputs(config);
}

test("the short form compares the value with the name of the port", async () => {
  const cases = ["a", "2", true];
  assert.equal(await portFor({ value: "a", cases }), "a");
  assert.equal(await portFor({ value: 2, cases }), "2");
  assert.equal(await portFor({ value: true, cases }), "true");
  for (const value of ["b", null, undefined, ["a"], { a: 1 }]) {
    assert.equal(await portFor({ value, cases }), "default");
  }
});

test("equals compares any JSON value, when takes what counts as true, and the first fit wins", async () => {
  const cases = [
    { port: "exact", equals: { a: [1, null] } },
    { port: "none", equals: null },
    { port: "never", when: 0 },
    { port: "yes", when: "x" },
    { port: "late", when: true },
  ];
  assert.equal(await portFor({ value: { a: [1, null] }, cases }), "exact");
  assert.equal(await portFor({ cases }), "none");
  assert.equal(await portFor({ value: { a: [1] }, cases }), "yes");
  assert.equal(await portFor({ value: "1", cases: [{ port: "number", equals: 1 }] }), "default");
});

test("a case whose value came to nothing fits nothing", async () => {
  assert.equal(await portFor({ value: null, cases: [{ port: "lost" }, "a"] }), "default");
});

test("cases of another shape are refused", async () => {
  for (const cases of [
    [],
    "a",
    [null],
    [{ port: "a", equals: 1, when: 1 }],
    [{ equals: 1 }],
    [{ port: "", equals: 1 }],
  ]) {
    await assert.rejects(portFor({ value: 1, cases }), { code: "invalid_config" }, JSON.stringify(cases));
  }
});

test("there is a port per case as drawn, then default, and no config makes it throw", () => {
  assert.deepEqual(portsOf({ cases: ["a", 2, { port: "big", equals: 1 }] }), ["a", "2", "big", "default"]);
  assert.deepEqual(portsOf({}), ["default"]);
  assert.deepEqual(portsOf({ cases: [null, {}, { port: 1 }] }), ["default"]);
  assert.deepEqual(portsOf({ cases: "{{ input.cases }}" }), ["{{ input.cases }}", "default"]);
});
