// What the code in a sandbox process could do if it ever got out of QuickJS or JSONata: nothing of use.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { serveJobs } from "./serve-jobs.ts";
import { startProcess } from "./start-process.ts";

const MARK = "probe";

/** The same file is the program of the process: only what lies in core can be read there. */
if (process.argv[2] === MARK) await serveJobs(MARK, async () => attempt);
else defineTests();

type Attempt = { what: string; file: string };

async function attempt({ what, file }: Attempt): Promise<unknown> {
  try {
    return { done: await ATTEMPTS[what]?.(file) };
  } catch (error) {
    return { refused: (error as { code?: string }).code ?? (error as Error).name };
  }
}

const ATTEMPTS: Readonly<Record<string, (file: string) => unknown>> = {
  environment: () => process.env,
  read: async (file) => (await import("node:fs")).readFileSync(file, "utf8"),
  write: async (file) => (await import("node:fs")).writeFileSync(`${file}.new`, "x"),
  "write to core": async () => (await import("node:fs")).writeFileSync(import.meta.filename, ""),
  list: async (file) => (await import("node:fs")).readdirSync(path.dirname(file)),
  spawn: async () => (await import("node:child_process")).spawnSync("true").error ?? "ran",
  fork: async () => (await import("node:child_process")).fork(import.meta.filename).pid,
  "code from text": () => Reflect.construct(Function, ["return process"])(),
  addon: () => process.dlopen({ exports: {} }, "/lib/x86_64-linux-gnu/libc.so.6"),
  "own sources": async () => (await import("node:fs")).readFileSync(import.meta.filename).length > 0,
};

function defineTests(): void {
  const folder = mkdtempSync(path.join(tmpdir(), "atelier-probe-"));
  after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "canary");
  writeFileSync(file, "canary in a file");
  process.env.ATELIER_TEST_CANARY = "canary in the environment";
  const child = startProcess({ entry: new URL(import.meta.url), mark: MARK, maxOldSpaceMb: 64 });
  const ended = once(child, "exit").then(() => assert.fail("the process ended"));
  ended.catch(() => {});
  const ready = Promise.race([once(child, "message"), ended]);
  after(() => child.kill("SIGKILL"));

  const outcomeOf = async (what: string) => {
    await ready;
    child.send({ what, file });
    return ((await Promise.race([once(child, "message"), ended])) as [unknown])[0];
  };

  test("A34: behind the first wall there is no environment but the time zone", async () => {
    const { done } = (await outcomeOf("environment")) as { done: Record<string, string> };
    // What Node itself uses to find its channel is gone by the time any code runs.
    assert.deepEqual({ ...done }, { TZ: "UTC" });
  });

  const refusals: ReadonlyArray<readonly [string, string]> = [
    ["read", "ERR_ACCESS_DENIED"],
    ["write", "ERR_ACCESS_DENIED"],
    ["write to core", "ERR_ACCESS_DENIED"],
    ["list", "ERR_ACCESS_DENIED"],
    ["spawn", "ERR_ACCESS_DENIED"],
    ["fork", "ERR_ACCESS_DENIED"],
    ["addon", "ERR_DLOPEN_DISABLED"],
    ["code from text", "EvalError"],
  ];
  for (const [what, refused] of refusals) {
    test(`A34: behind the first wall there is no way to ${what}`, async () => {
      assert.deepEqual(await outcomeOf(what), { refused });
    });
  }

  test("the probe itself works: its own sources can be read", async () => {
    assert.deepEqual(await outcomeOf("own sources"), { done: true });
  });
}
