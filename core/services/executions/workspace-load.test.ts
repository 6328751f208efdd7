// Bands: who submits much is heard behind who submits little, and is forgiven with time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorkspaceLoad } from "./workspace-load.ts";

test("fifty times as many submissions a second are heard behind; a stranger and a small number before all", () => {
  let now = 0;
  const load = createWorkspaceLoad(() => now);
  for (; now < 60_000; now += 100) {
    load.note("much", 50);
    load.note("little", 1);
  }
  assert.ok(load.bandOf("much") >= load.bandOf("little") + 4);
  load.note("once", 3);
  assert.deepEqual([load.bandOf("stranger"), load.bandOf("once")], [0, 0]);
});

test("half is forgotten every 10 s, and no flood leads out of the bands there are", () => {
  let now = 0;
  const load = createWorkspaceLoad(() => now);
  load.note("a", 8_000);
  const band = load.bandOf("a");
  now += 10_000;
  assert.equal(load.bandOf("a"), band - 1);
  now += 200_000;
  assert.equal(load.bandOf("a"), 0);
  load.note("a", 1e9);
  assert.equal(load.bandOf("a"), 15);
});
