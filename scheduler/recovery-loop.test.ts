// Recovery loops over real lock sessions: one works, the other takes over when its connection dies.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createLogger } from "#core/logger.ts";
import { openLockSession } from "#core/persistence/executions/recovery-session.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { type RecoverySession, startRecoveryLoop } from "./recovery-loop.ts";

let bed: ExecutionBed;
const logger = createLogger("scheduler", "silent");
const PATIENCE = { timeout: 60_000 };

before(async () => {
  bed = await createExecutionBed();
});
after(() => bed?.close());

function startLoop(name: string, lock: string, log: string[]) {
  const database = bed.open("atelier_scheduler");
  return startRecoveryLoop(async (): Promise<RecoverySession> => {
    const session = await openLockSession(database, lock, { silentMs: 10_000 });
    log.push(`${name} opened`);
    return {
      ...session,
      async recover() {
        await session.executor.one({ text: "select 1", values: [] });
        log.push(name);
        return { reaped: [], woken: 0, rung: 0, failed: [] };
      },
    };
  }, logger);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}

/** Cuts the session that holds the lock, as its scheduler's death would. */
async function cutHolder(): Promise<void> {
  await bed.admin.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
       and database = (select oid from pg_database where datname = current_database())`,
  );
}

test(
  "of two loops one recovers; when its connection dies the other takes over at once",
  PATIENCE,
  async () => {
    const log: string[] = [];
    const loops = [startLoop("a", "takeover", log), startLoop("b", "takeover", log)];
    const passes = (name: string) => log.filter((entry) => entry === name).length;
    await until(() => passes("a") + passes("b") >= 3);
    assert.ok(passes("a") === 0 || passes("b") === 0, log.join());
    const [holder, other] = passes("a") > 0 ? ["a", "b"] : ["b", "a"];
    await cutHolder();
    await until(() => passes(other) >= 2);
    const since = log.slice(log.indexOf(other));
    assert.ok(!since.includes(holder), "the old holder has come back only to wait");
    await Promise.all(loops.map((loop) => loop.stop()));
  },
);

test(
  "alone, it comes back by itself after its connection was cut, and first lets workers renew",
  PATIENCE,
  async () => {
    const log: string[] = [];
    const loop = startLoop("a", "alone", log);
    await until(() => log.includes("a"));
    await cutHolder();
    await until(() => log.filter((entry) => entry === "a opened").length === 2);
    const opened = performance.now();
    const passes = log.filter((entry) => entry === "a").length;
    await until(() => log.filter((entry) => entry === "a").length > passes);
    // Workers renew every 2 s; timers may be a few milliseconds early.
    assert.ok(performance.now() - opened > 2_500, "it did not reap before they could");
    await loop.stop();
  },
);

test(
  "stop ends a loop that waits, one that cannot connect, and leaves no lock behind",
  PATIENCE,
  async () => {
    const log: string[] = [];
    const loop = startLoop("a", "stop", log);
    await until(() => log.includes("a"));
    await loop.stop();
    const failing = startRecoveryLoop(() => Promise.reject(new Error("no database")), logger);
    await delay(10);
    await failing.stop();
    assert.equal(failing.lastPassAt(), 0);
    const next = startLoop("b", "stop", log);
    await until(() => log.includes("b"));
    assert.ok(next.lastPassAt() >= 0);
    await next.stop();
  },
);

test(
  "F34: a holder that has fallen silent, stopped or hanging, loses its lock to who asks",
  PATIENCE,
  async () => {
    const [silent, other] = await Promise.all(
      [500, 10_000].map((silentMs) =>
        openLockSession(bed.open("atelier_scheduler"), "silence", { silentMs }),
      ),
    );
    assert.ok(silent && other);
    assert.equal(await silent.acquire(), true);
    while (!(await other.acquire())) await delay(20);
    await assert.rejects(silent.executor.one({ text: "select 1", values: [] }));
    await Promise.all([silent.close().catch(() => {}), other.close()]);
  },
);
