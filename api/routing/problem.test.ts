// The table of codes holds what the code throws or the contract names, nothing else.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Named for outsiders before the calls that answer with them.
const PROMISED = ["label_refused", "totp_required"];

test("no code is in the table that nothing throws", async () => {
  const own = "api/routing/problem.ts";
  const table = /STATUS_OF[^{]*\{([^}]*)\}/.exec(await readFile(`${ROOT}/${own}`, "utf8"))?.[1] ?? "";
  const codes = [...table.matchAll(/(\w+): \d{3}/g)].map(([, code = ""]) => code);
  assert.ok(codes.length > 20, "the table was read");
  const sources: string[] = [];
  for (const room of ["api", "core", "dashboards/queues"]) {
    for (const name of await readdir(`${ROOT}/${room}`, { recursive: true })) {
      if (!/(?<!\.test)\.ts$/.test(name)) continue;
      const source = await readFile(`${ROOT}/${room}/${name}`, "utf8");
      sources.push(`${room}/${name}` === own ? source.replace(table, "") : source);
    }
  }
  const dead = codes.filter((code) => !sources.some((source) => source.includes(`"${code}"`)));
  assert.deepEqual(
    dead.filter((code) => !PROMISED.includes(code)),
    [],
  );
});
