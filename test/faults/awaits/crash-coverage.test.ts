// No await comes into the paths of an execution without a crash point, or without somebody having said why it needs none.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { CRASH_POINTS } from "../../../core/domain/crash-points.ts";
import { ROOT } from "../../architecture/source-tree.ts";
import { ACCOUNTED, OFF_THE_PATHS, WATCHED } from "./accounted-awaits.ts";
import { findInterruptions } from "./find-awaits.ts";

const files = globSync(WATCHED, { cwd: ROOT })
  .filter((file) => !file.endsWith(".test.ts") && !(file in OFF_THE_PATHS))
  .sort();
const found = files.map((file) => ({
  file,
  awaits: findInterruptions(file, readFileSync(path.join(ROOT, file), "utf8")),
}));
/** Calls of functions of these files are left to the awaits in those functions. */
const open = found.flatMap(({ file, awaits }) =>
  awaits
    .filter(({ hasPoint, calls }) => !hasPoint && !(calls !== null && files.includes(calls)))
    .map(({ name, line }) => ({ file, line, name, account: ACCOUNTED[file]?.[name] })),
);

test("the scan sees the awaits of every path, and the points beside them", () => {
  const all = found.flatMap(({ awaits }) => awaits);
  assert.ok(files.length > 20 && all.length > 120, `${files.length} files, ${all.length} awaits`);
  assert.ok(all.filter(({ hasPoint }) => hasPoint).length > 20);
});

test("every await has a crash point beside it, one elsewhere, or a reason", () => {
  const bare = open.filter(({ account }) => account === undefined);
  assert.deepEqual(
    bare.map(({ file, line, name }) => `${file}:${line} ${name}`),
    [],
    "put a point of core/domain/crash-points.ts beside it, or account for it in accounted-awaits.ts",
  );
});

test("nothing is accounted for that is not there, or by a point that is none", () => {
  const used = new Set(open.map(({ file, name }) => `${file} ${name}`));
  const listed = Object.entries(ACCOUNTED).flatMap(([file, names]) =>
    Object.entries(names).map(([name, account]) => ({ place: `${file} ${name}`, account })),
  );
  assert.deepEqual(
    listed.filter(({ place }) => !used.has(place)),
    [],
  );
  const points: readonly string[] = CRASH_POINTS;
  const unknown = listed.filter(({ account }) => /^\w+\.\w+$/.test(account) && !points.includes(account));
  assert.deepEqual(unknown, []);
  for (const file of Object.keys(OFF_THE_PATHS)) assert.ok(globSync(file, { cwd: ROOT }).length === 1, file);
});

test("a new await is seen: in a loop, in a closure, without await, and not inside a transaction", () => {
  const text = `
    import { writeJournal } from "#core/persistence/executions/write-journal.ts";
    async function end(database, queue) {
      for await (const row of rows) use(row);
      const later = async () => { await pause(); };
      await database.transaction(nobody, async (tx) => { await inside(tx); });
      crashPoint("worker.after_commit");
      queue.ring([]).catch(report);
      return writeJournal(database);
    }`;
  assert.deepEqual(
    findInterruptions("worker/new.ts", text).map(({ name, hasPoint }) => [name, hasPoint]),
    [
      ["end › rows", false],
      ["later › pause", false],
      ["end › database.transaction", true],
      ["end › queue.ring", true],
      ["end › writeJournal", false],
    ],
  );
});
