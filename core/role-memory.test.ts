import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { roleCommands } from "../scripts/start/role-commands.ts";
import { ROLE_FLAGS } from "./role-memory.ts";

const run = promisify(execFile);

/** What V8 may take in all, in MB; room for new objects is part of it. */
async function heapLimit(flags: readonly string[]): Promise<number> {
  const { stdout } = await run(process.execPath, [
    ...flags,
    "-p",
    "v8.getHeapStatistics().heap_size_limit / 2 ** 20",
  ]);
  return Number(stdout);
}

test("the flags bound the room for new objects and nothing else: payloads have what they had", async () => {
  const [bound, left] = [await heapLimit(ROLE_FLAGS), await heapLimit([])];
  assert.ok(bound < left, `${bound} MB, ${left} when left alone`);
  // Three times the 64 MB that room takes by itself at most.
  assert.ok(bound >= left - 3 * 64, `${bound} MB, ${left} when left alone`);
});

test("however a role is started, it is started so", () => {
  const commands = roleCommands("/srv");
  assert.deepEqual(
    commands.map(({ name }) => name),
    ["api", "worker", "scheduler"],
  );
  for (const { name, args } of commands) assert.deepEqual(args, [...ROLE_FLAGS, `/srv/${name}/main.ts`]);
  const dockerfile = readFileSync(new URL("../Dockerfile", import.meta.url), "utf8");
  assert.ok(dockerfile.includes(`\nENV NODE_OPTIONS=${ROLE_FLAGS.join(" ")}\n`), "the image");
  const shutdown = readFileSync(new URL("./shutdown.ts", import.meta.url), "utf8");
  assert.match(shutdown, /runRole\(.+\{\n {2}growHeapSlowly\(\);/, "what every role is run by");
});
