// Announcements of changed people: heard after the commit, never without it, and nobody is trusted after a gap.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { type Database, NOBODY } from "../database.ts";
import { type ExecutionSignals, openExecutionSignals } from "../executions/execution-signals.ts";
import { announceIdentityChange } from "./identity-changes.ts";

let bed: ExecutionBed;
let api: Database;
let signals: ExecutionSignals;
const heard: Array<string | null> = [];
let wake = () => {};

before(async () => {
  bed = await createExecutionBed();
  api = bed.open("atelier_api");
  signals = await openExecutionSignals(bed.open("atelier_api"), () => {});
  signals.onIdentityChange((userId) => {
    heard.push(userId);
    wake();
  });
});
after(async () => {
  await signals?.close();
  await bed?.close();
});

const announce = (...userIds: string[]) =>
  api.transaction(NOBODY, (tx) => announceIdentityChange(tx, userIds));
const untilHeard = async (count: number) => {
  while (heard.length < count) {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    await promise;
  }
};

test("everybody announced is heard once; a rollback and an empty list say nothing", {
  timeout: 20_000,
}, async () => {
  const [first, second, never] = [uuidv7(), uuidv7(), uuidv7()];
  const failed = api.transaction(NOBODY, async (tx) => {
    await announceIdentityChange(tx, [never]);
    throw new Error("rolled back");
  });
  await assert.rejects(failed, /rolled back/);
  await announce();
  await announce(first, second, first);
  await untilHeard(2);
  assert.deepEqual(heard.toSorted(), [first, second].toSorted());
});

test("a cut connection means that anybody may have changed, and the next one hears again", {
  timeout: 20_000,
}, async () => {
  heard.length = 0;
  await bed.admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'atelier_api-signals'`,
  );
  // Once for the loss, once when it listens again.
  await untilHeard(2);
  assert.deepEqual(heard, [null, null]);
  const again = uuidv7();
  await announce(again);
  await untilHeard(3);
  assert.deepEqual(heard, [null, null, again]);
});

test("the process that announces knows when the transaction resolves, and nothing of one that was rolled back", async () => {
  const own = bed.open("atelier_api");
  const told: string[] = [];
  own.onIdentityChange((userId) => told.push(userId));
  const [changed, never] = [uuidv7(), uuidv7()];
  const during = await own.transaction(NOBODY, async (tx) => {
    await announceIdentityChange(tx, [changed, changed]);
    return told.length;
  });
  assert.deepEqual([during, told], [0, [changed]]);
  const failed = own.transaction(NOBODY, async (tx) => {
    await announceIdentityChange(tx, [never]);
    throw new Error("rolled back");
  });
  await assert.rejects(failed, /rolled back/);
  assert.deepEqual(told, [changed]);
});
