// The house rules that a formatter cannot check: layers, SQL, network, environment, sizes, names, dependencies.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { EXCEPTIONS, PACKAGES, ROOMS } from "./architecture/layer-table.ts";
import { packageOf, ROOT, readSource, readSourceTree, type SourceFile } from "./architecture/source-tree.ts";

const files = readSourceTree();
const sources = files.filter((file) => !file.isTest);

const roomOf = (file: string) => ROOMS.find((room) => room.files.test(file));
const inRoom = (file: SourceFile, ...names: string[]) => names.includes(roomOf(file.path)?.name ?? "");

/** Files that break a rule, less the exceptions; an exception nothing needs any more is a failure too. */
function assertNone(rule: string, breaking: readonly SourceFile[], message: string): void {
  const exceptions = EXCEPTIONS[rule] ?? {};
  const paths = [...new Set(breaking.map((file) => file.path))];
  assert.deepEqual(
    paths.filter((file) => !(file in exceptions)),
    [],
    message,
  );
  assert.deepEqual(
    Object.keys(exceptions).filter((file) => !paths.includes(file)),
    [],
    `exceptions to "${rule}" that nothing needs`,
  );
}

/** Why `file` may not import `target`, or null. */
function whyForbidden(file: SourceFile, target: string): string | null {
  const [from, to] = [roomOf(file.path), roomOf(target)];
  if (!from) return `${file.path} is in no room of the layer table`;
  if (/\.test\.tsx?$/.test(target)) return `${file.path} imports the test ${target}`;
  if (file.isTest || from === to) return null;
  if (!to) return `${file.path} imports ${target}, which is in no room of the layer table`;
  const isBuilder = from.builders?.files.test(file.path) ?? false;
  const allowed = [...from.mayImport, ...(isBuilder ? (from.builders?.mayImport ?? []) : [])];
  return allowed.includes(to.name) ? null : `${file.path} (${from.name}) imports ${target} (${to.name})`;
}

test("the scan sees the whole house", () => {
  assert.ok(sources.length > 50, `${sources.length} files`);
  assert.ok(files.flatMap((file) => file.imports).length > 500);
  assert.ok(files.some((file) => file.path.endsWith(".tsx")));
  for (const { name } of ROOMS) {
    assert.ok(
      files.some((file) => roomOf(file.path)?.name === name),
      `no file in ${name}`,
    );
  }
  assert.deepEqual(
    files.filter((file) => !roomOf(file.path)).map((file) => file.path),
    [],
    "in no room of the layer table",
  );
  const names = new Set(ROOMS.map((room) => room.name));
  const mentioned = ROOMS.flatMap((room) => [...room.mayImport, ...(room.builders?.mayImport ?? [])]);
  assert.deepEqual(
    mentioned.filter((name) => !names.has(name)),
    [],
  );
});

test("the scan sees every form of import", () => {
  const { imports } = readSource(
    "worker/x.ts",
    readFileSync(new URL("./architecture/import-forms.txt", import.meta.url), "utf8"),
  );
  assert.deepEqual(
    imports.map(({ target, names }) => [target, names]),
    [
      ["core/engine/a.ts", ["a"]],
      ["api/c.ts", []],
      ["worker/d.ts", ["d"]],
      ["worker/e.ts", ["e"]],
      [null, null],
      ["worker/f.ts", null],
      ["worker/g.ts", null],
      ["worker/h.ts", null],
    ],
  );
});

test("the table refuses what it is there to refuse", () => {
  const refused = [
    ["api/routes/x.ts", "core/engine/run-node.ts"],
    ["api/routes/x.ts", "core/persistence/users.ts"],
    ["api/routes/x.ts", "core/nodes/runners.ts"],
    ["api/app.ts", "worker/main.ts"],
    ["api/app.ts", "dashboards/queues/create-queue-board.ts"],
    ["core/services/x.ts", "api/app.ts"],
    ["core/services/x.ts", "core/engine/run-node.ts"],
    ["core/engine/x.ts", "core/persistence/users.ts"],
    ["core/nodes/x/definition.ts", "core/nodes/x/run.ts"],
    ["core/domain/x.ts", "core/config.ts"],
    ["dashboards/queues/x.ts", "core/persistence/users.ts"],
    ["dashboards/studio/x.ts", "core/domain/app-error.ts"],
    ["worker/x.ts", "test/support/database.ts"],
    ["scripts/x.ts", "core/domain/x.test.ts"],
  ] as const;
  for (const [file, target] of refused) {
    assert.ok(whyForbidden(readSource(file, ""), target), `${file} may import ${target}`);
  }
  assert.equal(whyForbidden(readSource("api/main.ts", ""), "core/persistence/database.ts"), null);
});

test("imports keep to the layer table, and lead somewhere", () => {
  const problems = files.flatMap((file) =>
    file.imports.flatMap(({ target }) => {
      if (target === null || target.includes("${")) return [];
      if (!existsSync(path.join(ROOT, target))) return [`${file.path} imports ${target}, which is not there`];
      return whyForbidden(file, target) ?? [];
    }),
  );
  assert.deepEqual(problems, []);
});

test("nobody imports a script that runs when it is imported", () => {
  const programs = sources.filter(
    ({ path: file, code }) => /^scripts\/[^/]+$/.test(file) && !/^export /m.test(code),
  );
  assert.ok(programs.length >= 3);
  const targets = new Map(
    files.flatMap((file) =>
      file.imports.filter((one) => !one.isApart).map(({ target }) => [target, file.path] as const),
    ),
  );
  for (const program of programs) assert.equal(targets.get(program.path), undefined, program.path);
});

test("packages are used in their rooms only, and no import hides its target", () => {
  const problems = sources.flatMap((file) =>
    file.imports.flatMap((one) => {
      const rooms = PACKAGES[packageOf(one) ?? ""];
      return rooms && !inRoom(file, ...rooms) ? [`${file.path} imports ${one.specifier}`] : [];
    }),
  );
  assert.deepEqual(problems, []);
  const hidden = sources.filter(
    ({ code, path: file }) =>
      /\bimport\(\s*[^"'`\s)]|\brequire\(|createRequire/.test(code) && !file.startsWith("scripts/"),
  );
  assertNone("hidden imports", hidden, "import() of something computed, or require()");
});

test("SQL is in core/persistence and migrations only", () => {
  const breaking = sources.filter(
    (file) =>
      /\bsql`|\.query\(/.test(file.code) && !inRoom(file, "core/persistence", "migrations", "scripts"),
  );
  assertNone("sql", breaking, "SQL outside core/persistence");
});

test("pools, queues and clients are made by main.ts files and what they call to build", () => {
  const making =
    /(?<!function )\b(createDatabase|createExecutionQueue|createScheduleQueue|createEgress|createEvaluator|createScriptRunner|consumeBells)\(|new (pg\.)?(Pool|Client)\(|new PgBoss\(/;
  const breaking = sources.filter(
    (file) =>
      making.test(file.code) &&
      !/\/(main|build-[a-z-]+)\.ts$/.test(file.path) &&
      !inRoom(file, "scripts", "core/egress"),
  );
  assertNone("pools", breaking, "long-lived things made outside main.ts");
});

test("the way to the network is core/egress", () => {
  const modules = /^(node:)?(http|https|http2|net|tls|dgram|dns|dns\/promises)$/;
  const harmless = new Set(["isIP", "isIPv4", "isIPv6", "STATUS_CODES"]);
  const opens = (file: SourceFile) =>
    // Pages run in the browser, under its rules.
    !file.path.startsWith("api/assets/") &&
    (file.imports.some(
      ({ specifier, names }) =>
        modules.test(specifier) && (names === null || names.some((name) => !harmless.has(name))),
    ) ||
      /(?<![.\w])(fetch|WebSocket|EventSource)\(/.test(file.code));
  const breaking = sources.filter(
    (file) => opens(file) && !inRoom(file, "core/egress", "scripts", "dashboards/studio"),
  );
  assertNone("network", breaking, "sockets outside core/egress");
});

test("the environment is read in core/config.ts only", () => {
  const reads = sources.filter((file) => /\bprocess\.env\b|\benv\b.*from "node:process"/.test(file.code));
  assert.deepEqual(
    reads.filter((file) => !inRoom(file, "scripts")).map((file) => file.path),
    ["core/config.ts"],
  );
});

test("no code is made from text, and no rule is switched off", () => {
  const bad = /\beval\(|new Function\b|node:vm\b|"vm"|\bvm2\b|\bAsyncFunction\b|\beval: true/;
  assertNone(
    "evaluation",
    sources.filter((file) => bad.test(file.code)),
    "code made from text",
  );
  const escapes = /@ts-(ignore|expect-error|nocheck)|biome-ignore|eslint-disable|\b(TODO|FIXME|XXX)\b/;
  assertNone(
    "escapes",
    sources.filter((file) => escapes.test(file.text)),
    "escape hatches and open ends",
  );
});

test("files are small", () => {
  const lengths = sources.map((file) => file.lines).sort((a, b) => a - b);
  const at = (share: number) => lengths[Math.ceil(lengths.length * share) - 1] ?? 0;
  assert.ok(at(0.5) <= 80, `median ${at(0.5)}`);
  assert.ok(at(0.9) <= 200, `90 % ${at(0.9)}`);
  const tooLong = files.filter((file) => file.lines > (file.isTest ? 400 : 300));
  assert.deepEqual(
    tooLong.map((file) => `${file.path} ${file.lines}`),
    [],
  );
});

test("files are named for what they are, and say it in their first line", () => {
  const banned = /^(utils?|helpers?|lib|common|misc|types?|interfaces?|manager|base|index)$/;
  const misnamed = files.filter(({ path: file }) =>
    file
      .split("/")
      .some(
        (part) =>
          part.split(".").some((word) => banned.test(word)) ||
          /[A-Z_ ]/.test(part.replace(/^\w+\.forEach$/, "")),
      ),
  );
  assert.deepEqual(
    misnamed.map((file) => file.path),
    [],
  );
  const silent = sources.filter((file) => !/^(#!.*\n)?\/\/ \S.*\S/.test(file.text));
  assert.deepEqual(
    silent.map((file) => file.path),
    [],
  );
});

test("every node type is complete", () => {
  const folder = path.join(ROOT, "core/nodes");
  const types = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.ok(types.length >= 8);
  for (const { name } of types) {
    const parts = readdirSync(path.join(folder, name));
    for (const part of ["definition.ts", "run.ts", "run.test.ts"])
      assert.ok(parts.includes(part), `${name}/${part}`);
  }
});

test("dependencies are exact, locked, from no fixed place, and none evaluates code", () => {
  const read = (file: string) => JSON.parse(readFileSync(path.join(ROOT, file), "utf8"));
  const { dependencies, devDependencies } = read("package.json") as Record<string, Record<string, string>>;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
  }
  const packages: Record<string, { resolved?: string; integrity?: string; optional?: boolean }> =
    read("package-lock.json").packages;
  const locked = Object.entries(packages).filter(([folder]) => folder !== "");
  assert.ok(locked.length > 100);
  assert.deepEqual(
    locked
      .filter(([, entry]) => entry.resolved !== undefined || !(entry.integrity || entry.optional))
      .map(([folder]) => folder),
    [],
  );
  assert.deepEqual(
    locked.filter(([folder]) => /node_modules\/(vm2|isolated-vm|safe-eval|expr-eval)$/.test(folder)),
    [],
  );
  const used = new Set(sources.flatMap((file) => file.imports.map(packageOf)));
  const undeclared = [...used].filter((name) => name && !(name in { ...dependencies, ...devDependencies }));
  assert.deepEqual(undeclared, []);
});
