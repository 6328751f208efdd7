// Runs beside and alone, observed by who is inside at the same time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createIsolation } from "./isolation.ts";

test("ordinary runs overlap; one that runs alone overlaps with none and is not overtaken", async () => {
  const isolation = createIsolation();
  const inside = new Set<string>();
  const order: string[] = [];
  const overlaps: string[] = [];
  const work = (name: string) => async () => {
    order.push(name);
    for (const other of inside) overlaps.push(`${other}+${name}`);
    inside.add(name);
    await turn();
    await turn();
    inside.delete(name);
  };
  await Promise.all([
    isolation.beside(work("a")),
    isolation.beside(work("b")),
    isolation.alone(work("poison")),
    isolation.beside(work("c")),
    isolation.beside(work("d")),
  ]);
  assert.deepEqual(order, ["a", "b", "poison", "c", "d"]);
  assert.deepEqual(overlaps, ["a+b", "c+d"]);
});

test("a run that throws lets the next one in", async () => {
  const isolation = createIsolation();
  await assert.rejects(
    isolation.alone(() => Promise.reject(new Error("boom"))),
    /boom/,
  );
  assert.equal(await isolation.beside(async () => "next"), "next");
});

/** Whether `promise` has come to an end, some turns of the event loop from now, and to which. */
async function endOf<Result>(promise: Promise<Result>): Promise<Result | "pending"> {
  let end: Result | "pending" = "pending";
  void promise.then((result) => {
    end = result;
  });
  for (let turns = 0; turns < 3; turns++) await turn();
  return end;
}

test("what runs for long keeps no suspect and nobody behind it waiting: it gives up, and the others begin", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const shut: boolean[] = [];
  const isolation = createIsolation({
    patienceMs: 3_000,
    restMs: 10_000,
    onShut: (is) => void shut.push(is),
  });
  const forever = new Promise<void>(() => {});
  void isolation.beside(() => forever);
  const suspect = isolation.alone(async () => {});
  const behind = isolation.beside(async () => "begun");
  t.mock.timers.tick(2_999);
  assert.deepEqual([await endOf(suspect), await endOf(behind), shut], ["pending", "pending", [true]]);
  t.mock.timers.tick(1);
  assert.deepEqual([await endOf(suspect), await endOf(behind), shut], [false, "begun", [true, false]]);
  const soon = isolation.alone(async () => {});
  assert.deepEqual([await endOf(soon), shut.length], [false, 2], "it is not shut again at once");
  t.mock.timers.tick(10_000);
  const later = isolation.alone(async () => {});
  assert.deepEqual([await endOf(later), shut.length], ["pending", 3]);
});

test("suspects run one after the other only for so long; the one under way goes on beside the others", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const isolation = createIsolation({ patienceMs: 3_000, aloneMs: 10_000 });
  const long = Promise.withResolvers<void>();
  const short = isolation.alone(async () => {});
  const first = isolation.alone(() => long.promise);
  const second = isolation.alone(async () => {});
  const ordinary = isolation.beside(async () => "begun");
  assert.deepEqual([await endOf(short), await endOf(first)], [true, "pending"]);
  t.mock.timers.tick(9_999);
  assert.deepEqual([await endOf(second), await endOf(ordinary)], ["pending", "pending"]);
  t.mock.timers.tick(1);
  assert.deepEqual(
    [await endOf(second), await endOf(ordinary), await endOf(first)],
    [false, "begun", "pending"],
  );
  long.resolve();
  assert.equal(await first, true);
});

test("after the stop nothing begins, neither what waits nor what comes", async () => {
  const isolation = createIsolation();
  const end = Promise.withResolvers<void>();
  const under = isolation.beside(() => end.promise);
  const begun: string[] = [];
  const begin = (name: string) => async () => void begun.push(name);
  const waiting = [isolation.alone(begin("suspect")), isolation.beside(begin("behind it"))];
  isolation.stop();
  assert.deepEqual(await Promise.all(waiting), [undefined, undefined]);
  assert.equal(await isolation.beside(begin("late")), undefined);
  assert.equal(await isolation.alone(begin("late suspect")), undefined);
  end.resolve();
  await under;
  assert.deepEqual(begun, []);
});
