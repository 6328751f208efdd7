// The command line of the import.
import { parseArgs } from "node:util";
import { AppError } from "../../core/domain/app-error.ts";

export type ImportArguments = { folder: string; email: string | null; dryRun: boolean };

export const USAGE = "Usage: npm run import -- DIR [--email E] [--dry-run]";

/** Throws `import_refused` with the usage. */
export function readArguments(args: readonly string[]): ImportArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { email: { type: "string" }, "dry-run": { type: "boolean", default: false } },
    });
    const [folder, ...more] = positionals;
    if (!folder || more.length > 0) throw new Error("give exactly one folder");
    return { folder, email: values.email ?? null, dryRun: values["dry-run"] };
  } catch (cause) {
    throw new AppError("import_refused", `${(cause as Error).message}\n${USAGE}`, { cause });
  }
}
