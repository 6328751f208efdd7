// The build of the Studio at `npm start`: once per state of its sources, and no fault of it stops anything.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { buildStudio } from "../../scripts/start/build-studio.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

function makeStudio(t: TestContext) {
  const root = temporaryFolder(t);
  const studio = path.join(root, "dashboards/studio");
  mkdirSync(path.join(studio, "src"), { recursive: true });
  const page = '<!doctype html><title>Studio</title><script type="module" src="/src/main.ts"></script>';
  writeFileSync(path.join(studio, "index.html"), page);
  for (const file of ["package-lock.json", "tsconfig.json"]) writeFileSync(path.join(root, file), "{}");
  const write = (text: string) => writeFileSync(path.join(studio, "src/main.ts"), text);
  write('document.title = "one";');
  const said: string[] = [];
  const build = () => buildStudio({ root, log: (line) => said.push(line) });
  const script = () => {
    const assets = path.join(studio, "dist/assets");
    return readdirSync(assets)
      .map((file) => readFileSync(path.join(assets, file), "utf8"))
      .join();
  };
  return { studio, write, build, said, script };
}

test("it is built when its sources have changed, and not again when they have not", async (t) => {
  const { build, write, said, script } = makeStudio(t);
  assert.equal(await build(), true);
  assert.match(script(), /one/);
  assert.equal(said.length, 1);
  assert.equal(await build(), true);
  assert.equal(said.length, 1, "the second start built nothing");
  write('document.title = "two";');
  assert.equal(await build(), true);
  assert.match(script(), /two/);
});

test("a fault in a source is told in plain text, keeps what was built before, and is tried again", async (t) => {
  const { build, write, said, script, studio } = makeStudio(t);
  await build();
  write("document.title = (((");
  assert.equal(await build(), false);
  const told = said.at(-1) ?? "";
  assert.match(told, /could not be built.*the rest works/);
  assert.match(told, /main\.ts/);
  assert.ok(!told.includes("\u001b"), "colours in a log");
  assert.doesNotMatch(told, /node_modules/);
  assert.match(script(), /one/);
  assert.deepEqual(readdirSync(studio).sort(), ["dist", "index.html", "src"], "nothing half-built is left");
  write('document.title = "mended";');
  assert.equal(await build(), true);
  assert.match(script(), /mended/);
});

test("two builds at once leave one whole Studio", async (t) => {
  const { build, said, script, studio } = makeStudio(t);
  const builds = [build(), build()];
  await Promise.race(builds);
  const first = statSync(path.join(studio, "dist")).ino;
  assert.deepEqual(await Promise.all(builds), [true, true], said.join("\n"));
  assert.equal(statSync(path.join(studio, "dist")).ino, first, "what is served already was taken away");
  assert.match(script(), /one/);
  assert.deepEqual(readdirSync(studio).sort(), ["dist", "index.html", "src"]);
  assert.equal(await build(), true);
});
