// The lines of docs/webhooks.md are run as they stand there: whoever follows them is let in.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { childEnvironment } from "../../support/child-environment.ts";
import { createHookBed, type HookBed } from "./hook-bed.ts";

const run = promisify(execFile);
const page = readFileSync(new URL("../../../docs/webhooks.md", import.meta.url), "utf8");
const LINES = [...page.matchAll(/^### (\w+)(.*)\n\n```sh\n([\s\S]*?)```/gm)];

function isMissing(): string | false {
  try {
    for (const program of ["curl", "openssl"]) execFileSync("sh", ["-c", `command -v ${program}`]);
    return false;
  } catch {
    return "curl or openssl is not installed";
  }
}

let bed: HookBed;
before(async () => {
  bed = await createHookBed();
});
after(() => bed?.close());

test("the page has lines for every way to prove who one is", () => {
  const names = LINES.map(([, name]) => name);
  assert.deepEqual(names, ["generic", "generic", "github", "stripe", "shopify", "slack", "bearer"]);
});

for (const [, name = "", rest = "", lines = ""] of LINES) {
  test(`docs/webhooks.md: ${name}${rest} as it is written starts a run, once`, {
    skip: isMissing(),
  }, async () => {
    const timestampHeader = /"timestampHeader":"([\w-]+)"/.exec(rest)?.[1];
    const verify =
      name === "bearer"
        ? { type: "bearer" }
        : { type: "hmac-sha256", style: name, ...(timestampHeader && { timestampHeader }) };
    const hook = await bed.addHook(verify);
    const url = `${bed.api.url}/hooks/${hook.token}`;
    const env = { ...childEnvironment(), URL: url, SECRET: hook.secret };
    const { stdout } = await run("sh", ["-c", lines], { env });
    const answer = JSON.parse(stdout);
    assert.deepEqual(Object.keys(answer), ["executionId"], stdout);
    const wrong = await run("sh", ["-c", lines], { env: { ...env, SECRET: "another" } });
    assert.equal(JSON.parse(wrong.stdout).code, "invalid_signature");
    assert.equal((await bed.executionsOf(hook.workflowId)).length, 1);
  });
}
