// The supervisor as a real process with dummy roles: what dies comes back, what is stopped stops in order.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { processIdentity } from "../../scripts/embedded-postgres/process-identity.ts";
import { readAddress } from "../../scripts/installation/keep-address.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { startPlatform } from "./platform-process.ts";

const postmaster = (folder: string) =>
  Number.parseInt(readFileSync(path.join(folder, "data/postgres/postmaster.pid"), "utf8"), 10);

test("all roles up, then Ctrl-C: each hears SIGTERM once, the database stops last, nothing is left", async (t) => {
  const folder = temporaryFolder(t);
  const platform = startPlatform(t, folder, "api:slow,worker,scheduler");
  await platform.says(/Atelier is ready at http:\/\/127\.0\.0\.1:\d+/);
  const address = readAddress(path.join(folder, "data"));
  assert.ok(
    address && platform.output().includes(`ready at ${address} `),
    `commands make links to ${address}`,
  );
  const api = await platform.findNote(({ name }) => name === "api");
  assert.equal(api.egress, new URL(api.sampleUrl ?? "").host);
  assert.deepEqual(
    await (await fetch(`${api.sampleUrl}/inventory/A-1`)).json(),
    await (await fetch(`${api.sampleUrl}/inventory/A-1`)).json(),
  );
  const database = postmaster(folder);
  platform.child.kill("SIGINT");
  await platform.says(/Stopping/);
  platform.child.kill("SIGINT"); // npm passes on what the terminal has sent already.
  assert.equal(await platform.exitCode(), 0);
  await platform.findNote(({ name, event }) => name === "api" && event === "drained");
  const heard = platform.notes().filter(({ event }) => event.startsWith("SIG"));
  assert.deepEqual(heard.map(({ name, event }) => `${name} ${event}`).sort(), [
    "api SIGTERM",
    "scheduler SIGTERM",
    "worker SIGTERM",
  ]);
  assert.match(
    readFileSync(path.join(folder, "data/postgres.log"), "utf8"),
    /database system is shut down\n$/,
  );
  for (const { pid } of platform.notes()) assert.equal(pid === undefined ? null : processIdentity(pid), null);
  assert.equal(processIdentity(database), null);
});

test("a worker killed -9 comes back under a new id, and the leases of the old one are ended", async (t) => {
  const platform = startPlatform(t, temporaryFolder(t), "api,worker");
  await platform.says(/is ready at/);
  const first = await platform.findNote(({ name, event }) => name === "worker" && event === "start");
  process.kill(first.pid ?? 0, "SIGKILL");
  const second = await platform.findNote(({ name, pid }) => name === "worker" && pid !== first.pid);
  assert.notEqual(second.workerId, first.workerId);
  await platform.findNote(({ event, workerId }) => event === "expire" && workerId === first.workerId);
  assert.match(platform.output(), /worker \(pid \d+\) ended with signal SIGKILL; starting it again/);
  assert.equal(platform.notes().filter(({ name, event }) => name === "api" && event === "start").length, 1);
});

test("a database killed -9 comes back on the same port while the roles stay", async (t) => {
  const folder = temporaryFolder(t);
  const platform = startPlatform(t, folder, "worker");
  await platform.says(/is ready at/);
  const before = readFileSync(path.join(folder, "data/postgres.json"), "utf8");
  process.kill(postmaster(folder), "SIGKILL");
  await platform.says(/The database is back/);
  assert.equal(readFileSync(path.join(folder, "data/postgres.json"), "utf8"), before);
  assert.equal(platform.notes().filter(({ event }) => event === "start").length, 1);
});

test("after a kill -9 of the supervisor its roles go, and the next start takes over and works", async (t) => {
  const folder = temporaryFolder(t);
  const first = startPlatform(t, folder, "worker");
  await first.says(/is ready at/);
  first.child.kill("SIGKILL");
  await first.exitCode();
  const second = startPlatform(t, folder, "worker");
  await second.says(/is ready at/);
  assert.match(second.output(), /taking over its lock[\s\S]*left over from a start that was killed/);
  await second.findNote(({ event }) => event === "disconnect");
});

test("of two starts on one DATA_DIR the second is told who holds it", async (t) => {
  const folder = temporaryFolder(t);
  const first = startPlatform(t, folder, "worker");
  await first.says(/is ready at/);
  const second = startPlatform(t, folder, "worker");
  assert.equal(await second.exitCode(), 1);
  assert.match(second.output(), new RegExp(`Another Atelier \\(pid ${first.child.pid}\\)`));
});

test("a busy port is named with the variable to change, before anything is set up", async (t) => {
  const folder = temporaryFolder(t);
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  t.after(() => squatter.close());
  const { port } = squatter.address() as { port: number };
  const platform = startPlatform(t, folder, "api", { PORT: String(port) });
  assert.equal(await platform.exitCode(), 1);
  assert.match(platform.output(), new RegExp(`Port ${port} .* in use.*Set PORT`));
  assert.doesNotMatch(platform.output(), /Setting up the database/);
});

test("broken keys stop the start with a message, and the lock is given back", async (t) => {
  const folder = temporaryFolder(t);
  const good = startPlatform(t, folder, "worker");
  await good.says(/is ready at/);
  good.child.kill("SIGTERM");
  await good.exitCode();
  writeFileSync(path.join(folder, "data/keys.json"), "{");
  for (const _ of [1, 2]) {
    const platform = startPlatform(t, folder, "worker");
    assert.equal(await platform.exitCode(), 1);
    assert.match(platform.output(), /keys\.json cannot be used/);
    assert.doesNotMatch(platform.output(), /taking over/);
  }
});

test("a role that cannot run is tried again and again, with its exit code", async (t) => {
  const platform = startPlatform(t, temporaryFolder(t), "api:broken,worker");
  await platform.says(/api \(pid \d+\) ended with exit code 7; starting it again \(3 times in a row\)/);
  assert.doesNotMatch(platform.output(), /is ready at/);
});

test("a role that does not end is killed when its time to drain is over", async (t) => {
  const platform = startPlatform(t, temporaryFolder(t), "worker:stubborn", { TEST_DRAIN_MS: "300" });
  await platform.says(/is ready at/);
  const worker = await platform.findNote(({ name }) => name === "worker");
  platform.child.kill("SIGTERM");
  assert.equal(await platform.exitCode(), 0);
  assert.match(platform.output(), /did not finish within 0\.3 s/);
  assert.equal(processIdentity(worker.pid ?? 0), null);
});

test("a second Ctrl-C does not wait for a role that drains", async (t) => {
  const platform = startPlatform(t, temporaryFolder(t), "worker:stubborn");
  await platform.says(/is ready at/);
  platform.child.kill("SIGINT");
  await platform.says(/Stopping/);
  await sleep(1_100); // Within a second it counts as the same press.
  platform.child.kill("SIGINT");
  assert.equal(await platform.exitCode(), 0);
  assert.match(platform.output(), /Hurrying/);
  assert.doesNotMatch(platform.output(), /did not finish within/);
});

test("a full disk is named as such, whatever step meets it, and costs nothing", {
  skip: canMount() ? false : "only root with the right to mount can make a full disk",
}, async (t) => {
  const folder = temporaryFolder(t);
  const disk = path.join(folder, "data");
  mkdirSync(disk);
  const mount = (options: string) =>
    assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", disk]).status, 0);
  mount("size=25m,mode=711");
  t.after(() => void spawnSync("umount", ["-l", disk]));
  const tooSmall = startPlatform(t, folder, "worker");
  assert.equal(await tooSmall.exitCode(), 1);
  assert.match(tooSmall.output(), /disk is full: the database could not be set up/);

  mount("remount,size=400m");
  const roomy = startPlatform(t, folder, "worker");
  await roomy.says(/is ready at/);
  roomy.child.kill("SIGTERM");
  await roomy.exitCode();

  const filler = path.join(disk, "filler");
  spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"]);
  const full = startPlatform(t, folder, "worker");
  assert.equal(await full.exitCode(), 1);
  assert.match(full.output(), /^The disk that holds .* is full\./m);
  assert.doesNotMatch(full.output(), / at /);

  rmSync(filler);
  const again = startPlatform(t, folder, "worker");
  await again.says(/is ready at/);
  again.child.kill("SIGTERM");
  await again.exitCode();
});

function canMount(): boolean {
  if (process.getuid?.() !== 0 || process.platform !== "linux") return false;
  const place = mkdtempSync(path.join(tmpdir(), "atelier-mount-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", place]).status === 0;
  if (mounted) spawnSync("umount", [place]);
  rmdirSync(place);
  return mounted;
}
