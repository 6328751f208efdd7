// The command line of the administration.
import { parseArgs } from "node:util";
import { withUsage } from "../installation/run-command.ts";

export type AdminCommand =
  | { act: "help" }
  | { act: "list" }
  | { act: "reset-link" | "make-admin" | "enable" | "revoke-keys"; email: string }
  | { act: "disable-totp"; email: string; reason: string };

export const USAGE = `Usage: npm run admin -- COMMAND

  list                               the people of this instance
  reset-link EMAIL                   a link that sets a new password, good once and for an hour
  make-admin EMAIL                   makes a person administrator
  enable EMAIL                       enables a disabled person
  revoke-keys EMAIL                  ends all API keys of a person
  disable-totp EMAIL --reason TEXT   takes away the second factor of a person who lost it

It works on the database of DATABASE_URL, else on the embedded one in DATA_DIR (./.data), running or not. PUBLIC_URL is
where links lead; without it, the address of the last start. Every act is written to the audit log. Exit codes: 0 done, 1 refused, 2 not understood.`;

/** Throws `usage`. */
export function readArguments(args: readonly string[]): AdminCommand {
  return withUsage(USAGE, () => read(args));
}

function read(args: readonly string[]): AdminCommand {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { reason: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  const [act, email, ...more] = positionals;
  if (values.help || act === "help") return { act: "help" };
  if (values.reason !== undefined && act !== "disable-totp")
    throw new Error("--reason belongs to disable-totp");
  if (act === "list" && email === undefined) return { act };
  if (!isAct(act)) {
    throw new Error(act === undefined ? "Say what to do" : `There is no command ${args.join(" ")}`);
  }
  if (!email || more.length > 0) throw new Error(`${act} takes exactly one e-mail address`);
  if (act !== "disable-totp") return { act, email };
  const reason = values.reason?.trim() ?? "";
  if (reason.length < 3) throw new Error("Say why with --reason: it stands in the audit log");
  return { act, email, reason };
}

const ACTS = ["reset-link", "make-admin", "enable", "revoke-keys", "disable-totp"] as const;

function isAct(act: string | undefined): act is (typeof ACTS)[number] {
  return ACTS.some((known) => known === act);
}
