// The lease thread against a real database: renews, reports what was lost or cancelled, survives cut connections.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { v7 as uuidv7 } from "uuid";
import { createLogger } from "#core/logger.ts";
import { registerWorker } from "#core/persistence/executions/workers.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { createLeaseKeeper } from "./lease-keeper.ts";
import type { HeldLease } from "./lease-thread.ts";

let bed: ExecutionBed;

before(async () => {
  bed = await createExecutionBed();
});
after(() => bed?.close());

async function startKeeper() {
  const workerId = uuidv7();
  await registerWorker(bed.open("atelier_worker"), { id: workerId, host: "test", pid: 1, concurrency: 1 });
  const lost: HeldLease[] = [];
  const cancelled = new Set<string>();
  const deaths: Error[] = [];
  const keeper = createLeaseKeeper({
    databaseUrl: bed.databaseUrl,
    workerId,
    logger: createLogger("worker", "silent"),
    onLost: (lease) => lost.push(lease),
    onCancelled: (id) => cancelled.add(id),
    onDead: (error) => deaths.push(error),
  });
  const hold = async (columns: Record<string, unknown> = {}) => {
    const row = { status: "running", lease_owner: workerId, lease_until: "2000-01-01", fence: 3, ...columns };
    const id = await bed.addExecution(row);
    keeper.hold([{ id, fence: 3 }]);
    return id;
  };
  return { keeper, workerId, lost, cancelled, deaths, hold };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function isRenewed(id: string): Promise<boolean> {
  const { rows } = await bed.admin.query(
    "select lease_until > clock_timestamp() live from workflow_executions where id = $1",
    [id],
  );
  return Boolean(rows[0]?.live);
}

test("held leases are renewed although the main thread is busy, dropped ones are not", {
  timeout: 60_000,
}, async () => {
  const { keeper, hold, lost, deaths } = await startKeeper();
  const [kept, dropped] = [await hold(), await hold()];
  keeper.drop({ id: dropped, fence: 3 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  // It may have been renewed before the thread heard of the drop.
  await bed.admin.query("update workflow_executions set lease_until = '2000-01-01' where id = $1", [dropped]);
  const busyUntil = Date.now() + 3_000; // Longer than one renewal.
  while (Date.now() < busyUntil) Math.sqrt(busyUntil);
  assert.ok(await isRenewed(kept));
  assert.ok(!(await isRenewed(dropped)));
  assert.deepEqual(lost, []);
  await keeper.stop();
  assert.deepEqual(deaths, []);
});

test("what another claim took is reported lost, also when this worker made that claim", {
  timeout: 60_000,
}, async () => {
  const { keeper, workerId, hold, lost } = await startKeeper();
  const other = await hold({ lease_owner: uuidv7() });
  const again = await hold({ lease_owner: workerId, fence: 5 });
  const done = await hold({ status: "succeeded", lease_owner: null });
  const fine = await hold();
  await until(() => lost.length >= 3);
  assert.deepEqual(new Set(lost.map((lease) => lease.id)), new Set([other, again, done]));
  assert.ok(lost.every((lease) => lease.fence === 3));
  assert.ok(await isRenewed(fine));
  // The old run lets go; the new claim's lease stays held.
  keeper.hold([{ id: again, fence: 5 }]);
  keeper.drop({ id: again, fence: 3 });
  await bed.admin.query("update workflow_executions set lease_until = '2000-01-01' where id = $1", [again]);
  await until(() => isRenewed(again));
  await keeper.stop();
});

test("a cancel request is reported", { timeout: 60_000 }, async () => {
  const { keeper, hold, cancelled } = await startKeeper();
  const id = await hold({ cancel_requested_at: new Date() });
  await until(() => cancelled.has(id));
  await keeper.stop();
});

test("a cancel request does not wait for the next renewal", { timeout: 60_000 }, async () => {
  const { keeper, hold, cancelled } = await startKeeper();
  const leaseOf = async (id: string) => {
    const text = "select lease_until::text until from workflow_executions where id = $1";
    return (await bed.admin.query<{ until: string }>(text, [id])).rows[0]?.until;
  };
  // Now and then a renewal comes first: it reports as well.
  for (let isBetween = false; !isBetween; ) {
    const id = await hold();
    await until(() => isRenewed(id));
    const mark = "update workflow_executions set cancel_requested_at = now() where id = $1";
    await bed.admin.query(mark, [id]);
    const marked = await leaseOf(id);
    await until(() => cancelled.has(id));
    isBetween = marked === (await leaseOf(id));
    keeper.drop({ id, fence: 3 });
  }
  await keeper.stop();
});

test("after its connection is cut the thread goes on by itself", { timeout: 60_000 }, async () => {
  const { keeper, workerId, hold, deaths } = await startKeeper();
  const id = await hold();
  await until(() => isRenewed(id));
  for (let cut = 0; cut < 2; cut++) {
    await bed.cutConnections();
    await bed.admin.query("update workflow_executions set lease_until = '2000-01-01' where id = $1", [id]);
    await until(() => isRenewed(id));
  }
  const { rows } = await bed.admin.query(
    "select heartbeat_at > started_at beating from workers where id = $1",
    [workerId],
  );
  assert.ok(rows[0]?.beating);
  await keeper.stop();
  assert.deepEqual(deaths, []);
});

test("a main thread that never comes back ends with its process; one that lives is left alone", {
  timeout: 60_000,
}, async (t) => {
  const entry = fileURLToPath(new URL("../test/support/wedged-worker.ts", import.meta.url));
  const SILENCE_MS = 3_000;
  const child = fork(entry, [bed.databaseUrl, uuidv7(), String(SILENCE_MS)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  t.after(() => child.kill("SIGKILL"));
  let log = "";
  child.stdout?.on("data", (chunk) => {
    log += chunk;
  });
  // Not at its exit: what it wrote last may still be on its way.
  const ended = once(child, "close");
  await once(child, "message");
  await delay(2 * SILENCE_MS);
  assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
  child.send("block");
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.match(log, /the main thread does not answer/);
});
