// What `npm run restore` is asked to do.
import { parseArgs } from "node:util";
import { withUsage } from "../installation/run-command.ts";

export type RestoreArguments = {
  file: string;
  acceptBrokenAudit: boolean;
  acceptLost: boolean;
  withPassphrase: boolean;
};

const USAGE = `Usage: npm run restore -- FILE [--accept-broken-audit] [--accept-lost-keys] [--without-passphrase]
  FILE                   a backup; the database of DATABASE_URL or DATA_DIR must be empty
  --accept-broken-audit  restores although the audit log in the backup does not verify: it had been tampered with before
  --accept-lost-keys     restores although a key is lost that secrets in the backup are under: they will not open
  --without-passphrase   for who has the keys (set, or in DATA_DIR) and a backup taken without them, or has lost its
                         passphrase; then nothing proves that nobody changed the file
The keys in the backup are under a passphrase: BACKUP_PASSPHRASE, else it is asked for.`;

/** Throws `usage`. */
export function readArguments(args: readonly string[]): RestoreArguments {
  return withUsage(USAGE, () => {
    const options = {
      "accept-broken-audit": { type: "boolean", default: false },
      "accept-lost-keys": { type: "boolean", default: false },
      "without-passphrase": { type: "boolean", default: false },
    } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [file, ...more] = positionals;
    if (!file || more.length > 0) throw new Error("Name one file");
    return {
      file,
      acceptBrokenAudit: values["accept-broken-audit"],
      acceptLost: values["accept-lost-keys"],
      withPassphrase: !values["without-passphrase"],
    };
  });
}
