// What every command has to say to a half restored database.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { runScript } from "../support/run-script.ts";
import { type CommandPlace, environmentOf, runBackup } from "./backup-commands.ts";

/** Neither a backup of it, which would look whole, nor a command on it, whose work would be gone with it. */
export async function refuseWorkOn(half: CommandPlace, file: string): Promise<void> {
  for (const keys of [[], ["--without-keys"]]) {
    const { code, err } = await runBackup(half, file, ...keys);
    assert.deepEqual([code, /^This database is half restored/m.test(err)], [1, true], err);
  }
  assert.equal(existsSync(file), false);
  for (const [script, argument] of [
    ["admin.ts", "list"],
    ["rotate-keys.ts", "--status"],
    ["audit-verify.ts", "--all"],
  ] as const) {
    const { err } = await runScript(script, [argument], environmentOf(half));
    assert.match(err, /^This database is half restored/m);
  }
}
