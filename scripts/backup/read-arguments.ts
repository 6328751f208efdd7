// What `npm run backup` is asked to do.
import { parseArgs } from "node:util";
import { withUsage } from "../installation/run-command.ts";

export type BackupArguments = { file: string; act: "take" | "check"; withKeys: boolean; acceptLost: boolean };

const USAGE = `Usage: npm run backup -- FILE [--without-keys | --accept-lost-keys] | --check FILE [--without-keys]
  FILE            where the backup goes; never over another file
  --without-keys  leaves the keys out: keep DATA_DIR/keys.json (or ENCRYPTION_KEYS and JWT_SECRETS) elsewhere, without
                  them no credential in the backup opens
  --accept-lost-keys  takes it although a key is lost that secrets are under: they do not open after a restore either
  --check         reads a backup to its end and says what is in it; restores nothing. With BACKUP_PASSPHRASE it must be
                  signed, unless --without-keys says that it was taken so
The keys go in under a passphrase: BACKUP_PASSPHRASE, else it is asked for.`;

/** Throws `usage`. */
export function readArguments(args: readonly string[]): BackupArguments {
  return withUsage(USAGE, () => {
    const options = {
      check: { type: "boolean", default: false },
      "without-keys": { type: "boolean", default: false },
      "accept-lost-keys": { type: "boolean", default: false },
    } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [file, ...more] = positionals;
    if (!file || more.length > 0) throw new Error("Name one file");
    return {
      file,
      act: values.check ? "check" : "take",
      withKeys: !values["without-keys"],
      acceptLost: values["accept-lost-keys"],
    };
  });
}
