// Bands: who submits much is heard behind who submits little, and is forgiven with time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BANDS, BUSY } from "../../domain/bands.ts";
import { createWorkspaceLoad } from "./workspace-load.ts";

test("fifty times as many submissions a second are heard behind; a stranger and a small number before all", () => {
  let now = 0;
  const load = createWorkspaceLoad(() => now);
  for (; now < 60_000; now += 100) {
    load.note("much", 50);
    load.note("little", 1);
  }
  assert.ok(load.bandOf("much", 0) >= BUSY + load.bandOf("little", 0) + 4);
  assert.ok(load.bandOf("little", 0) < BUSY, "who makes up little of all is not busy");
  load.note("once", 3);
  assert.deepEqual([load.bandOf("stranger", 0), load.bandOf("once", 0)], [0, 0]);
});

test("half is forgotten every 10 s, and no flood leads out of the bands there are", () => {
  let now = 0;
  const load = createWorkspaceLoad(() => now);
  load.note("a", 8_000);
  const band = load.bandOf("a", 0);
  now += 10_000;
  assert.equal(load.bandOf("a", 0), band - 1);
  now += 200_000;
  assert.equal(load.bandOf("a", 0), 0);
  load.note("a", 1e9);
  assert.equal(load.bandOf("a", 0), BANDS - 1);
});

test("a first batch is as busy as it is large, before anything was noted; equal ones are equally far behind", () => {
  const load = createWorkspaceLoad(() => 0);
  load.note("steady", 144);
  assert.ok(load.bandOf("flood", 500) >= BUSY);
  assert.ok(load.bandOf("steady", 1) >= BUSY, "alone it makes up all there is");
  load.note("flood", 500);
  assert.ok(load.bandOf("steady", 1) < BUSY);
  for (const id of ["a", "b", "c"]) load.note(id, 500);
  assert.equal(new Set(["flood", "a", "b", "c"].map((id) => load.bandOf(id, 0) % BUSY)).size, 1);
});
