// The command line of the import.
import { parseArgs } from "node:util";
import { withUsage } from "../installation/run-command.ts";

export type ImportArguments = { folder: string; email: string | null; dryRun: boolean };

const USAGE = "Usage: npm run import -- DIR [--email E] [--dry-run]";

/** Throws `usage`. */
export function readArguments(args: readonly string[]): ImportArguments {
  return withUsage(USAGE, () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { email: { type: "string" }, "dry-run": { type: "boolean", default: false } },
    });
    const [folder, ...more] = positionals;
    if (!folder || more.length > 0) throw new Error("give exactly one folder");
    return { folder, email: values.email ?? null, dryRun: values["dry-run"] };
  });
}
