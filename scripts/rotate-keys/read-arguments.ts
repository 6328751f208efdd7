// What `npm run keys:rotate` is asked to do.
import { parseArgs } from "node:util";
import { withUsage } from "../installation/run-command.ts";

export type RotateArguments = { act: "rotate" | "status" | "retire"; newKey: boolean };

const USAGE = `Usage: npm run keys:rotate [-- --new-key | --status | --retire]
  (nothing)   finishes an interrupted rotation, else makes a new key; then wraps every secret under the current key
  --new-key   makes a new key even when an earlier rotation left records behind
  --status    says how many secrets each key wraps
  --retire    forgets the keys that wrap nothing any more`;

/** Throws `usage`. */
export function readArguments(args: readonly string[]): RotateArguments {
  const options = {
    "new-key": { type: "boolean", default: false },
    status: { type: "boolean", default: false },
    retire: { type: "boolean", default: false },
  } as const;
  return withUsage(USAGE, () => {
    const { values } = parseArgs({ args: [...args], options });
    const asked = [values["new-key"], values.status, values.retire].filter(Boolean);
    if (asked.length > 1) throw new Error("One at a time");
    const act = values.status ? "status" : values.retire ? "retire" : "rotate";
    return { act, newKey: values["new-key"] };
  });
}
