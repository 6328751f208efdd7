// Two runs of real files, told as one: the counts are sums, the failures of both are there.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { childEnvironment } from "../../test/support/child-environment.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";

const RUN = `
  import { run } from "node:test";
  import { spec } from "node:test/reporters";
  import { pipeline } from "node:stream/promises";
  const { joinRuns } = await import(${JSON.stringify(import.meta.resolve("./join-runs.ts"))});
  const files = process.argv.slice(2);
  await pipeline(joinRuns(files.map((file) => () => run({ files: [file] }))), new spec(), process.stdout);
`;

test("the summary counts every run and names what failed in any", (t) => {
  const folder = temporaryFolder(t);
  const sources = [
    `test("one", () => {}); test("two", () => { throw new Error("broken") });`,
    `test("three", () => {}); test("four", { skip: "why" }, () => {});`,
    `test("five", () => {});`,
  ];
  const files = sources.map((source, index) => {
    const file = path.join(folder, `${index}.test.mjs`);
    writeFileSync(file, `import { test } from "node:test"; ${source}`);
    return file;
  });
  const runner = path.join(folder, "runner.mjs");
  writeFileSync(runner, RUN);
  const { stdout } = spawnSync(process.execPath, [runner, ...files], {
    env: { ...childEnvironment(), NO_COLOR: "1" },
    encoding: "utf8",
  });
  const summary = stdout.split("\n").filter((line) => /^ℹ (tests|pass|fail|skipped) /.test(line));
  assert.deepEqual(summary, ["ℹ tests 5", "ℹ pass 3", "ℹ fail 1", "ℹ skipped 1"], stdout);
  assert.equal(stdout.match(/failing tests/g)?.length, 1, stdout);
  assert.match(stdout, /failing tests.*✖ two.*broken/s);
});
