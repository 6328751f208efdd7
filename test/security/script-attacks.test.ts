// The permanent corpus of attacks on scripts, and what must hold while and after they run.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { createScriptRunner } from "../../core/script/script-runner.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import corpus from "./script-attacks.json" with { type: "json" };

process.env.ATELIER_TEST_CANARY = "canary-value";
const folder = temporaryFolder({ after });
const file = path.join(folder, "canary.txt");
writeFileSync(file, "canary-value");

// One key has all processes but one, so all of one key use the same: what stays behind in it would be seen.
const runner = createScriptRunner({ poolSize: 2 });
after(() => runner.close());

// Behind a name, because a literal key looks like a mistake to the linter; here it is the attack.
const THEN = "then";
// As a request body would bring it: JSON.parse makes `__proto__` an own property.
const input: unknown = JSON.parse(
  JSON.stringify({ text: "7*7", template: "{{7*7}}", file })
    .slice(0, -1)
    .concat(
      `,"thenable":{"${THEN}":"x","toJSON":"y","valueOf":"z"}`,
      `,"hostile":{"__proto__":{"polluted":1},"constructor":1}}`,
    ),
);

const TIMEOUT_MS = 2_000;
// What the process may add to a script's own time: being ended from outside, and being replaced on a loaded machine.
const PATIENCE_MS = 20_000;

function run(source: string, key = "attacker"): Promise<unknown> {
  const execution = { id: "attacks", startedAt: "2026-01-01T00:00:00.000Z" };
  const data = { input, nodes: {}, trigger: null, execution };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return runner.run({ source, data, seed: "", timeoutMs: TIMEOUT_MS, key, signal });
}

/** The result, or what an error says about itself, whole. */
async function outcome(source: string): Promise<{ got: unknown; told: string }> {
  try {
    const got = await run(source);
    return { got, told: JSON.stringify(got) };
  } catch (error) {
    const { code, message, details } = error as { code?: unknown; message: string; details?: unknown };
    return { got: code ?? error, told: JSON.stringify({ code, message, details }) };
  }
}

const WORLD = `
  const names = (of) => Reflect.ownKeys(of).map(String).sort().join();
  return [globalThis, Object.prototype, Array.prototype, Function.prototype, Promise, JSON, Date, Error]
    .map(names).concat(({}).polluted ?? "clean", typeof JSON.stringify, Date.now())`;
const world = await run(WORLD);

test("A31: the world that the others are compared with is clean itself", () => {
  assert.ok(Array.isArray(world) && world.includes("clean"));
});

for (const [index, { id, source, expect }] of corpus.entries()) {
  test(`${id}: script ${index + 1}, ${source.slice(0, 80)}`, async () => {
    const { got, told } = await outcome(source);
    if (expect !== "any") assert.deepEqual(got, expect, told);
    assert.ok(!told.includes("canary-value"), told);
    assert.doesNotMatch(told, /file:\/\/|node:internal|\/core\/script|wasm/);
    assert.deepEqual(await run(WORLD), world, "the next run sees a world as new");
    assert.equal(Reflect.get({}, "polluted"), undefined);
  });
}

test("A36: what never ends holds up neither the event loop nor the scripts of others", async () => {
  let turns = 0;
  const turning = setInterval(() => turns++, 5);
  const bombs = Array.from({ length: 4 }, () => run("while (true) {}"));
  const settled = Promise.allSettled(bombs);
  const others = Array.from({ length: 20 }, (_, i) => run(`return ${i} + 1`, "somebody"));
  assert.deepEqual(
    await Promise.all(others),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  for (const result of await settled) {
    assert.equal(result.status, "rejected");
    assert.equal((result.reason as { code: string }).code, "script_limit");
  }
  clearInterval(turning);
  // Four seconds of scripts one after the other: a blocked loop would have turned a handful of times.
  assert.ok(turns > 50, `${turns} turns`);
});
