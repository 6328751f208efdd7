// Who may use a DATA_DIR, and the keys in it: one supervisor at a time, and keys that are never silently remade.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { processIdentity } from "../../scripts/embedded-postgres/process-identity.ts";
import { keepKeys } from "../../scripts/installation/keep-keys.ts";
import { lockDataDir } from "../../scripts/start/lock-data-dir.ts";
import { readStartSettings } from "../../scripts/start/start-settings.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const quiet = () => {};

test("a live holder of the lock is named and keeps it; a released lock is free", (t) => {
  const folder = temporaryFolder(t);
  const lock = lockDataDir(folder, quiet);
  assert.equal(lock.takenOver, false);
  assert.throws(() => lockDataDir(folder, quiet), {
    code: "data_dir_in_use",
    message: new RegExp(`pid ${process.pid}`),
  });
  lock.release();
  assert.equal(lockDataDir(folder, quiet).takenOver, false);
});

test("a stale lock is taken over: dead process, reused number, unreadable content", (t) => {
  const folder = temporaryFolder(t);
  const stale = [
    JSON.stringify({ pid: 2 ** 22 + 1, identity: "boot:1" }),
    JSON.stringify({ pid: process.pid, identity: `${processIdentity(process.pid)}0` }),
    "{",
  ];
  for (const content of stale) {
    writeFileSync(path.join(folder, "start.lock"), content);
    const lock = lockDataDir(folder, quiet);
    assert.equal(lock.takenOver, true);
    lock.release();
  }
});

test("of several processes that find the same stale lock at once, one gets it", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, "start.lock"), "{");
  const module = new URL("../../scripts/start/lock-data-dir.ts", import.meta.url).href;
  const script = `const { lockDataDir } = await import(${JSON.stringify(module)});
    process.stdin.once("data", () => {
      try { lockDataDir(${JSON.stringify(folder)}, () => {}); console.log("got"); }
      catch (error) { console.log(error.code); }
      process.stdin.once("data", () => process.exit());
    });
    console.log("loaded");`;
  const racers = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  t.after(() => {
    for (const racer of racers) racer.kill("SIGKILL");
  });
  const heard = () =>
    Promise.all(racers.map(async (racer) => String((await once(racer.stdout, "data"))[0]).trim()));
  await heard();
  for (const racer of racers) racer.stdin.write("go");
  assert.deepEqual((await heard()).sort(), ["data_dir_in_use", "data_dir_in_use", "data_dir_in_use", "got"]);
});

test("keys are made once, for this user's eyes only, and read back", (t) => {
  const folder = temporaryFolder(t);
  const keys = keepKeys(folder, {}, quiet);
  assert.match(keys.ENCRYPTION_KEYS, /^k1:[\w-]{43}$/);
  assert.notEqual(keys.JWT_SECRETS, keys.ENCRYPTION_KEYS);
  const file = path.join(folder, "keys.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  chmodSync(file, 0o644);
  assert.deepEqual(keepKeys(folder, {}, quiet), keys);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(keepKeys(folder, { JWT_SECRETS: "x:y" }, quiet).JWT_SECRETS, "x:y");
});

test("broken keys are refused and left as they are", (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "keys.json");
  for (const content of ["", "{", "{}", '{"JWT_SECRETS":"k1:a","ENCRYPTION_KEYS":""}']) {
    writeFileSync(file, content);
    assert.throws(() => keepKeys(folder, {}, quiet), { code: "keys_unreadable" });
    assert.equal(readFileSync(file, "utf8"), content);
  }
});

test("keys that are gone while the database is there are not replaced by new ones", (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, "postgres"));
  assert.throws(() => keepKeys(folder, {}, quiet), { code: "keys_missing" });
});

test("a database of one's own needs keys of one's own, and all faults are told at once", () => {
  const env = { DATABASE_URL: "mysql://x", PORT: "http" };
  assert.throws(() => readStartSettings(env, "/"), {
    code: "bad_environment",
    message: /PORT[\s\S]*DATABASE_URL[\s\S]*JWT_SECRETS[\s\S]*ENCRYPTION_KEYS/,
  });
  assert.deepEqual(readStartSettings({}, "/srv"), {
    host: "127.0.0.1",
    port: 3000,
    databaseUrl: null,
    dataDir: "/srv/.data",
  });
});
