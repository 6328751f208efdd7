// Waiting for changes of executions over one connection: who is woken, and what happens when it is cut.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { type ExecutionSignals, openExecutionSignals } from "./execution-signals.ts";

let bed: ExecutionBed;
let signals: ExecutionSignals;
const errors: unknown[] = [];

before(async () => {
  bed = await createExecutionBed();
  signals = await openExecutionSignals(bed.open("atelier_api"), (error) => errors.push(error));
});
after(async () => {
  await signals?.close();
  await bed?.close();
});

const notify = (id: string) => bed.admin.query("select pg_notify('atelier_executions', $1)", [id]);
const LONG = 600_000;

test("a change wakes all who wait for that execution and nobody else", { timeout: 20_000 }, async () => {
  const [mine, other] = [uuidv7(), uuidv7()];
  const woken: string[] = [];
  const stop = new AbortController();
  const waits = [mine, mine].map((id) => signals.wait(id, { timeoutMs: LONG }).then(() => woken.push(id)));
  const foreign = signals.wait(other, { timeoutMs: LONG, signal: stop.signal }).then(() => woken.push(other));
  await notify(mine);
  await Promise.all(waits);
  assert.deepEqual(woken, [mine, mine]);
  stop.abort();
  await foreign;
});

test("a wait ends by its time, by its signal, and at once when that is aborted already", {
  timeout: 20_000,
}, async () => {
  const id = uuidv7();
  await signals.wait(id, { timeoutMs: 5 });
  const stop = new AbortController();
  const wait = signals.wait(id, { timeoutMs: LONG, signal: stop.signal });
  stop.abort();
  await wait;
  await signals.wait(id, { timeoutMs: LONG, signal: stop.signal });
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
});

test("10,000 waits on one signal leave no listener behind", { timeout: 20_000 }, async () => {
  const { signal } = new AbortController();
  const id = uuidv7();
  const waits = Array.from({ length: 10_000 }, () => signals.wait(id, { timeoutMs: LONG, signal }));
  await notify(id);
  await Promise.all(waits);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("a cut connection wakes everybody, and changes are heard again by themselves", {
  timeout: 30_000,
}, async () => {
  for (let cut = 0; cut < 3; cut++) {
    const id = uuidv7();
    const wait = signals.wait(id, { timeoutMs: LONG });
    await bed.cutConnections();
    await wait;
    let heard = false;
    while (!heard) {
      const stop = new AbortController();
      const next = signals.wait(id, { timeoutMs: LONG, signal: stop.signal }).then(() => {
        heard = !stop.signal.aborted;
      });
      await notify(id);
      await delay(50);
      stop.abort();
      await next;
    }
  }
});

test("closing wakes who waits and leaves no connection, also right after a cut", {
  timeout: 30_000,
}, async () => {
  const database = bed.open("atelier_api");
  for (let pause = 0; pause < 12; pause++) {
    const own = await openExecutionSignals(database, () => {});
    const wait = own.wait(uuidv7(), { timeoutMs: LONG });
    await bed.cutConnections();
    await delay(pause);
    await own.close();
    await wait;
  }
  await signals.close();
  const count = async () => {
    const { rows } = await bed.admin.query(
      "select count(*)::int n from pg_stat_activity where datname = current_database() and application_name like '%signals'",
    );
    return Number(rows[0]?.n);
  };
  while ((await count()) > 0) await delay(20);
  assert.equal(await count(), 0);
});
