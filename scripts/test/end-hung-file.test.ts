// A test file that would never end is ended by the runner's preload, says what held it open, and leaves nothing behind.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { childEnvironment } from "../../test/support/child-environment.ts";
import { endWithProcess } from "../../test/support/end-with-process.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { isAlive } from "../embedded-postgres/process-identity.ts";

const PRELOAD = import.meta.resolve("./end-hung-file.ts");
const SUPPORT = pathToFileURL(path.resolve(import.meta.dirname, "../../test/support/end-with-process.ts"));

/** A child that ends with its parent's clean-up only, and a `before` that fails once it runs. */
const HALF_STARTED = `
  import { spawn } from "node:child_process";
  import { before, test } from "node:test";
  import { endWithProcess } from "${SUPPORT}";
  before(async () => {
    const child = endWithProcess(spawn(process.execPath, ["-e", "setInterval(() => {}, 1_000)"]));
    process.send(child.pid);
    throw new Error("the second could not start");
  });
  test("never begins", () => {});
`;
const ENDLESS = `
  import { test } from "node:test";
  test("waits for what never comes", () => new Promise(() => setInterval(() => {}, 1_000)));
`;

async function runFile(t: TestContext, source: string, limits: Readonly<Record<string, string>>) {
  const file = path.join(temporaryFolder(t), "some.test.ts");
  writeFileSync(file, source);
  const child = endWithProcess(
    spawn(process.execPath, ["--import", PRELOAD, file], {
      env: { ...childEnvironment(), ...limits },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    }),
  );
  const sent: unknown[] = [];
  child.on("message", (message) => sent.push(message));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (said += chunk));
  const [code] = await once(child, "close");
  return { code, said, sent };
}

test("a file whose before fails half way is ended after its rest, and what it had started with it", async (t) => {
  const { code, said, sent } = await runFile(t, HALF_STARTED, { TEST_REST_SECONDS: "1" });
  assert.equal(code, 1, said);
  assert.match(said, /some\.test\.ts was still there 1 s after its last test and is ended; open: .*Process/);
  assert.match(said, /✖ never begins/);
  const [pid] = sent;
  assert.ok(typeof pid === "number", said);
  while (isAlive(pid)) await delay(20);
});

test("a file with a test that never ends is ended after its time", async (t) => {
  const { code, said } = await runFile(t, ENDLESS, { TEST_FILE_SECONDS: "2" });
  assert.equal(code, 1, said);
  assert.match(said, /some\.test\.ts did not end within 2 s and is ended; open: .*Timeout/);
});

test("a file that ends is not held up", async (t) => {
  const { code, said } = await runFile(t, 'import { test } from "node:test"; test("x", () => {});', {});
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /is ended/);
});
