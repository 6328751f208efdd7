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
  const run = (name: string, alone: boolean) =>
    isolation.run(alone, async () => {
      order.push(name);
      for (const other of inside) overlaps.push(`${other}+${name}`);
      inside.add(name);
      await turn();
      await turn();
      inside.delete(name);
    });
  await Promise.all([
    run("a", false),
    run("b", false),
    run("poison", true),
    run("c", false),
    run("d", false),
  ]);
  assert.deepEqual(order, ["a", "b", "poison", "c", "d"]);
  assert.deepEqual(overlaps, ["a+b", "c+d"]);
});

test("a run that throws lets the next one in", async () => {
  const isolation = createIsolation();
  await assert.rejects(
    isolation.run(true, () => Promise.reject(new Error("boom"))),
    /boom/,
  );
  assert.equal(await isolation.run(true, async () => "next"), "next");
});
