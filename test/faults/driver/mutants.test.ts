// Every mutant still is one: its words are in the product, and the changed files are what the process loads.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { mutateSources } from "./apply-mutant.ts";
import { MUTANTS } from "./mutants.ts";

for (const mutant of MUTANTS) {
  test(`the mutant ${mutant.name} can be made, and names tests that are there`, () => {
    assert.ok(mutateSources(mutant).size > 0);
    for (const file of mutant.noticedBy) assert.ok(existsSync(new URL(`../${file}`, import.meta.url)), file);
  });
}

test("a mutant whose words are gone is refused", () => {
  const edits = [{ file: "core/domain/timers.ts", from: "these words are not in it", to: "" }];
  assert.throws(() => mutateSources({ name: "old", edits, noticedBy: [] }), /old: .* has 0 times/);
});

test("the hook gives a process the mutant's words, and no other process", () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const hook = new URL("./apply-mutant.ts", import.meta.url).href;
  const program =
    "import { recoverExecutions as f } from '#core/services/executions/recover-executions.ts';" +
    "const seen = []; const db = { one: async () => null, run: async () => 0," +
    " many: async () => [{ id: 'x', wake: 0, priority: 0 }] };" +
    "const queue = { ring: async () => {}, find: async () => { seen.push(1); return ['gone']; } };" +
    "await f(db, queue); console.log(seen.length);";
  const run = (FAULT_MUTANT: string) => {
    const env = { PATH: process.env.PATH ?? "", FAULT_MUTANT };
    const args = [`--import=${hook}`, "--input-type=module", "-e", program];
    return spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8" });
  };
  assert.equal(run("").stdout.trim(), "1");
  assert.equal(run("no-reconciler").stdout.trim(), "0");
  assert.match(run("no-such-mutant").stderr, /there is no mutant no-such-mutant/);
});
