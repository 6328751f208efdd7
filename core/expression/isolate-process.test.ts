// What an isolated process may do, and that it never outlives its parent.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

const ENDLESS = `
  import { isolateProgram } from "#core/expression/evaluator.ts";
  import { startProcess } from "#core/sandbox/start-process.ts";
  const child = startProcess(isolateProgram(64));
  child.once("message", () => {
    const source = "($f := function(){ $f() }; $f())";
    child.send({ source, scope: {}, startedAt: 0, seed: "", maxOutputBytes: 1000 });
    console.log(child.pid);
  });
`;

test("a process stuck in an endless expression ends by itself when its parent is killed", async () => {
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", ENDLESS], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(chunk.toString());
  assert.ok(isRunning(pid));
  parent.kill("SIGKILL");
  await once(parent, "exit");
  for (let i = 0; i < 100 && isRunning(pid); i++) await delay(100);
  assert.ok(!isRunning(pid), `process ${pid} outlived its parent`);
});

/** A zombie that nobody has collected yet (process 1 of a container may never) does not run. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== "linux") return true;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
