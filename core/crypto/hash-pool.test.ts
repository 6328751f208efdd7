// The pool of hashing threads: its line, its end, what a dead thread leaves, and its place behind everything else.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { argon2Sync } from "node:crypto";
import { readdirSync } from "node:fs";
import { getPriority } from "node:os";
import { type TestContext, test } from "node:test";
import { createHashPool, type HashPoolOptions } from "./hash-pool.ts";
import type { HashJob } from "./hash-thread.ts";

const PARAMETERS = { nonce: Buffer.alloc(16, 1), tagLength: 32, memory: 19_456, passes: 2, parallelism: 1 };
const BUSY = { code: "hashing_unavailable", retryable: true };

function open(t: TestContext, options: Partial<HashPoolOptions> = {}) {
  const pool = createHashPool({ threads: 1, niceness: 0, maxWaiting: 10, ...options });
  t.after(() => pool.close());
  return pool;
}

const job = (password: string, more: Partial<HashJob> = {}): HashJob => ({
  message: new TextEncoder().encode(password),
  ...PARAMETERS,
  ...more,
});

test("S02: the tag is that of the password's bytes, whichever thread computes it", async (t) => {
  const pool = open(t, { threads: 2 });
  const passwords = ["one", "caf\u00e9", "cafe\u0301", "", "\u{1f511}", "one"];
  const tags = await Promise.all(passwords.map((password) => pool.derive(job(password))));
  const expected = passwords.map((password) =>
    argon2Sync("argon2id", { message: Buffer.from(password), ...PARAMETERS }),
  );
  assert.deepEqual(tags, expected);
});

test("S02: the line is bounded, and whoever finds it full may try again", async (t) => {
  const pool = open(t, { maxWaiting: 2 });
  const admitted = ["a", "b", "c"].map((password) => pool.derive(job(password)));
  await assert.rejects(pool.derive(job("d")), { ...BUSY, details: { retryAfterMs: 5_000 } });
  assert.equal((await Promise.all(admitted)).length, 3);
  assert.equal((await pool.derive(job("d"))).length, 32);
});

test("a failure is the caller's own: the thread goes on", async (t) => {
  const pool = open(t);
  const failing = pool.derive(job("a", { memory: 1 }));
  const after = pool.derive(job("b"));
  await assert.rejects(failing, /Argon2id failed/);
  assert.equal((await after).length, 32);
});

test("a thread that dies fails its caller with what may be tried again, and another takes what waits", async (t) => {
  const pool = open(t);
  // No bytes to wipe: the error is outside of what the thread catches, and ends it.
  const message = { buffer: new ArrayBuffer(1) } as unknown as HashJob["message"];
  const ended = pool.derive(job("a", { message }));
  const waiting = pool.derive(job("b"));
  await assert.rejects(ended, BUSY);
  assert.deepEqual(await waiting, argon2Sync("argon2id", { message: Buffer.from("b"), ...PARAMETERS }));
});

test("after the close nobody waits for ever, and nothing starts again", async () => {
  const pool = createHashPool({ threads: 1, niceness: 0, maxWaiting: 10 });
  const asked = ["a", "b", "c"].map((password) => pool.derive(job(password)));
  const settled = Promise.allSettled(asked);
  await pool.close();
  const outcomes = (await settled).map((one) => (one.status === "rejected" ? one.reason.code : "tag"));
  assert.deepEqual(outcomes.slice(1), ["hashing_unavailable", "hashing_unavailable"]);
  await assert.rejects(pool.derive(job("d")), BUSY);
  await pool.close();
});

test("idle threads keep no process alive", () => {
  const program = `
    import { createHashPool } from ${JSON.stringify(new URL("./hash-pool.ts", import.meta.url).href)};
    const pool = createHashPool({ threads: 2, niceness: 10, maxWaiting: 10 });
    const parameters = { nonce: Buffer.alloc(16), tagLength: 32, memory: 64, passes: 1, parallelism: 1 };
    const tag = await pool.derive({ message: new TextEncoder().encode("a"), ...parameters });
    console.log(tag.length);`;
  const args = ["--input-type=module", "--eval", program];
  const { status, stdout, signal } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  assert.deepEqual([status, signal, stdout.trim()], [0, null, "32"]);
});

test("S02: on Linux the threads stand back and nothing else of the process does", async (t) => {
  if (process.platform !== "linux") return t.skip("threads have no priority of their own here");
  const before = priorities();
  const pool = open(t, { threads: 2, niceness: 10 });
  await Promise.all([pool.derive(job("a")), pool.derive(job("b"))]);
  const after = priorities();
  const moved = [...after].filter(([thread, priority]) => priority !== (before.get(thread) ?? getPriority()));
  assert.equal(moved.length, 2);
  for (const [, priority] of moved) assert.equal(priority, Math.max(10, getPriority()));
  assert.equal(getPriority(), before.get(process.pid));
});

/** Of the threads of this process. */
function priorities(): Map<number, number> {
  const threads = readdirSync("/proc/self/task").map(Number);
  return new Map(threads.map((thread) => [thread, getPriority(thread)]));
}
