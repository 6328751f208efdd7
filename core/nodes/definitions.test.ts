import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { nodeDefinitions } from "./definitions.ts";
import { describeNodeTypes } from "./describe-node-types.ts";
import { nodeRunners } from "./runners.ts";

const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

test("every folder is a node type with a definition and a runner, and nothing else is", () => {
  assert.ok(folders.length >= 8);
  assert.deepEqual([...nodeDefinitions.keys()].sort(), folders);
  assert.deepEqual([...nodeRunners.keys()].sort(), folders);
  for (const [type, definition] of nodeDefinitions) assert.equal(definition.type, type);
});

test("no definition pulls in what runs it", () => {
  for (const file of [
    "definitions.ts",
    "describe-node-types.ts",
    ...folders.map((type) => `${type}/definition.ts`),
  ]) {
    const source = readFileSync(`${import.meta.dirname}/${file}`, "utf8");
    assert.doesNotMatch(source, /from "[^"]*(?:runners|run)\.ts"/, file);
  }
});

test("triggers take no edge, everything else takes edges, and port names are ports", () => {
  for (const { type, category, inputs } of nodeDefinitions.values()) {
    assert.deepEqual(inputs, category === "trigger" ? [] : ["in"], type);
  }
  for (const { type, outputs } of describeNodeTypes()) {
    assert.equal(new Set(outputs).size, outputs.length, type);
    assert.ok(!outputs.includes("error"), `${type}: error is the port of failures`);
  }
});

test("descriptions are JSON and carry a closed JSON Schema", () => {
  const types = describeNodeTypes();
  assert.deepEqual(JSON.parse(JSON.stringify(types)), types);
  for (const { type, configSchema } of types) {
    assert.equal(configSchema.$schema, "https://json-schema.org/draft/2020-12/schema", type);
    assert.equal(configSchema.additionalProperties, false, type);
  }
  const byType = new Map(types.map((described) => [described.type, described]));
  assert.deepEqual(byType.get("http.request")?.configSchema.required, ["url"]);
  assert.equal(byType.get("http.request")?.effects, "idempotent");
  assert.equal(byType.get("http.request")?.effectsFromConfig, true);
  assert.deepEqual(byType.get("flow.condition")?.outputs, ["true", "false"]);
  assert.equal(byType.get("flow.condition")?.outputsFromConfig, undefined);
  assert.equal(byType.get("flow.switch")?.outputsFromConfig, true);
  assert.deepEqual(byType.get("data.transform")?.configSchema.required, ["value"]);
});
