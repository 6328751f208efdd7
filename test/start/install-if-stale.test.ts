// The installer in front of every npm command, with a stand-in for npm that lays out what the lockfile says.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/temporary-folder.ts";

const installer = fileURLToPath(new URL("../../scripts/install-if-stale.mjs", import.meta.url));

// Counts its runs, takes its time, then does what npm ci does.
const npm = `
const fs = require("node:fs");
fs.appendFileSync("npm-runs", process.argv.slice(2, 3) + "\\n");
if (fs.existsSync("npm-fails")) { console.error("npm error code ENOTFOUND"); process.exit(1); }
setTimeout(() => {
  const lock = JSON.parse(fs.readFileSync("package-lock.json", "utf8"));
  for (const [folder, entry] of Object.entries(lock.packages)) {
    if (folder === "" || entry.optional) { if (folder) delete lock.packages[folder]; continue; }
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(folder + "/package.json", "{}");
  }
  fs.mkdirSync("node_modules/.bin", { recursive: true });
  fs.rmSync("node_modules/.bin/node", { force: true });
  fs.symlinkSync(process.execPath, "node_modules/.bin/node");
  fs.writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: lock.packages }));
}, 300);
`;

type Checkout = {
  folder: string;
  install(): Promise<{ code: number | null; output: string }>;
  runs(): number;
};

function checkout(t: Parameters<typeof temporaryFolder>[0]): Checkout {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, "scripts"));
  cpSync(installer, path.join(folder, "scripts/install-if-stale.mjs"));
  writeFileSync(path.join(folder, "npm-cli.js"), npm);
  const packages = {
    "": {},
    "node_modules/node": { version: process.version.slice(1) },
    "node_modules/pg": { version: "1.0.0", integrity: "a" },
    "node_modules/elsewhere": { version: "1.0.0", optional: true, os: ["aix"] },
  };
  writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify({ packages }));
  const install = async () => {
    const env = { PATH: process.env.PATH, npm_execpath: path.join(folder, "npm-cli.js") };
    const child = spawn(process.execPath, ["scripts/install-if-stale.mjs"], { cwd: folder, env });
    return { output: await outputOf(child), code: child.exitCode };
  };
  const runs = () => {
    const file = path.join(folder, "npm-runs");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").length : 0;
  };
  return { folder, install, runs };
}

function outputOf(child: ChildProcess): Promise<string> {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += chunk));
  return new Promise((resolve) => child.once("close", () => resolve(text)));
}

test("installs what is missing once, and is silent from then on", async (t) => {
  const { install, runs } = checkout(t);
  assert.match((await install()).output, /Installing the npm packages \(node_modules is missing/);
  assert.deepEqual(await install(), { code: 0, output: "" });
  assert.equal(runs(), 1);
});

test("installs again for a changed lockfile, a lost package and a wrong Node", async (t) => {
  const { folder, install, runs } = checkout(t);
  await install();
  const lock = path.join(folder, "package-lock.json");
  writeFileSync(lock, readFileSync(lock, "utf8").replace('"integrity":"a"', '"integrity":"b"'));
  assert.match((await install()).output, /pg is not 1\.0\.0/);
  rmSync(path.join(folder, "node_modules/pg"), { recursive: true });
  assert.match((await install()).output, /pg is missing/);
  rmSync(path.join(folder, "node_modules/.bin/node"));
  assert.match((await install()).output, /is not Node 24/);
  assert.equal(runs(), 4);
});

test("two at once take turns, and the second finds nothing left to do", async (t) => {
  const { folder, install, runs } = checkout(t);
  const both = await Promise.all([install(), install()]);
  assert.deepEqual(
    both.map(({ code }) => code),
    [0, 0],
  );
  assert.equal(runs(), 1);
  assert.ok(!existsSync(path.join(folder, ".install.lock")));
});

test("the lock of an installation that was killed is taken over", async (t) => {
  const { folder, install, runs } = checkout(t);
  writeFileSync(path.join(folder, ".install.lock"), `${process.pid} 1`);
  assert.equal((await install()).code, 0);
  assert.equal(runs(), 1);
});

test("failures say what went wrong and what to do", async (t) => {
  const { folder, install } = checkout(t);
  writeFileSync(path.join(folder, "npm-fails"), "");
  const offline = await install();
  assert.equal(offline.code, 1);
  assert.match(
    offline.output,
    /npm ci failed:\nnpm error code ENOTFOUND\n\nThe npm registry could not be reached/,
  );
  rmSync(path.join(folder, "package-lock.json"));
  const unlocked = await install();
  assert.equal(unlocked.code, 1);
  assert.match(unlocked.output, /no readable package-lock\.json/);
});
