// A finished file gets its name only where nothing has it, on every kind of file system.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { giveName } from "./give-name.ts";

const withoutLinks = () =>
  Promise.reject(Object.assign(new Error("not permitted"), { code: "EPERM", syscall: "link" }));

for (const [name, tie] of [
  ["links", undefined],
  ["no links", withoutLinks],
] as const) {
  test(`what has the name keeps it where there are ${name}`, async (t) => {
    const folder = temporaryFolder(t);
    const [half, file, dangling] = ["half", "file", "dangling"].map((part) => path.join(folder, part));
    assert.ok(half && file && dangling);
    writeFileSync(half, "new");
    writeFileSync(file, "old");
    symlinkSync("nowhere", dangling);
    await assert.rejects(giveName(half, file, tie), { code: "EEXIST" });
    await assert.rejects(giveName(half, dangling, tie), { code: "EEXIST" });
    assert.equal(readFileSync(file, "utf8"), "old");
    assert.equal(readlinkSync(dangling), "nowhere");
    const free = path.join(folder, "free");
    await giveName(half, free, tie);
    assert.equal(readFileSync(free, "utf8"), "new");
    assert.deepEqual(readdirSync(folder).sort(), ["dangling", "file", "free"]);
  });
}
