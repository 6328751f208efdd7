// What is told by name starts where a slot is free, and is left to its bell where none is.
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { BUSY } from "#core/domain/bands.ts";
import type { Database } from "#core/persistence/database.ts";
import { callWorker } from "#core/persistence/executions/eager-starts.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { createBehindQueues } from "./behind-queues.ts";
import { hearEagerStarts } from "./hear-eager-starts.ts";
import { createSlots } from "./slots.ts";

let bed: ExecutionBed;
let database: Database;
before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_worker");
});
after(() => bed?.close());

const until = async (isSo: () => boolean, { signal }: TestContext) => {
  while (!isSo()) {
    signal.throwIfAborted();
    await new Promise(setImmediate);
  }
};

test("a worker starts what it is told while it has room, and never what others are told", {
  timeout: 60_000,
}, async (t) => {
  const [workerId, other] = [uuidv7(), uuidv7()];
  const slots = createSlots(1);
  const looks: boolean[] = [];
  const behind = createBehindQueues();
  const hasRoom = (ofBusy?: boolean) => {
    const has = slots.hasRoom(ofBusy);
    looks.push(has);
    return has;
  };
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const answer = (id: string) => {
    started.push(id);
    return new Promise<void>((resolve) => ends.set(id, resolve));
  };
  const line = await hearEagerStarts({
    database,
    workerId,
    slots: { ...slots, hasRoom },
    isBehind: behind.isBehind,
    answer,
    onError: assert.ifError,
  });
  t.after(() => line.close());
  const tell = (executionId: string, band: number, to = workerId) =>
    callWorker(database, to, { executionId, band });
  const [first, light, last] = [uuidv7(), uuidv7(), uuidv7()];
  await tell(uuidv7(), 0, other);
  await tell(first, 0);
  await until(() => started.length === 1, t);
  await tell(uuidv7(), 0);
  await tell(uuidv7(), BUSY);
  await until(() => looks.length === 3, t);
  ends.get(first)?.();
  await until(() => slots.hasRoom(), t);
  // A slot is free, but a bell may hang for it: in the own queue, or in the one that is heard first.
  behind.onBehind(true, true);
  await tell(uuidv7(), BUSY);
  await until(() => looks.length === 4, t);
  behind.onBehind(false, true);
  await tell(uuidv7(), 0);
  await until(() => looks.length === 5, t);
  behind.onBehind(true, false);
  await tell(uuidv7(), BUSY);
  await until(() => looks.length === 6, t);
  behind.onBehind(false, false);
  behind.onBehind(true, true);
  await tell(light, 0);
  await until(() => started.length === 2, t);
  ends.get(light)?.();
  await until(() => slots.hasRoom(), t);
  behind.onBehind(true, false);
  await tell(last, BUSY);
  await until(() => started.length === 3, t);
  ends.get(last)?.();
  assert.deepEqual(
    [started, looks],
    [
      [first, light, last],
      [true, false, false, true, true, true, true, true],
    ],
  );
});
