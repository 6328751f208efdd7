// `npm run restore -- FILE`: a backup into an empty database, proven before it counts. See its usage for the rest.
import path from "node:path";
import { checkBackup, refuseUnsigned } from "../core/services/backup/check-backup.ts";
import { openBackupFile } from "../core/services/backup/read-backup-file.ts";
import { askPassphrase } from "./installation/ask-passphrase.ts";
import { connectOwner } from "./installation/owner-client.ts";
import { runCommand } from "./installation/run-command.ts";
import { refuseNewer } from "./restore/fill-database.ts";
import { openTarget } from "./restore/open-target.ts";
import { readArguments } from "./restore/read-arguments.ts";
import { runRestore } from "./restore/run-restore.ts";
import { settleKeys } from "./restore/settle-keys.ts";

await runCommand(
  async ({ args, print, log }) => {
    const startedAt = performance.now();
    const { file: named, acceptBrokenAudit, acceptLost, withPassphrase } = readArguments(args);
    const file = path.resolve(named);
    const { env } = process;
    await using opened = new AsyncDisposableStack();
    const reader = await openBackupFile(file);
    await reader.close();
    await refuseNewer(reader.header);
    // The whole file is read before anything is touched: a damaged one costs nothing but time.
    if (withPassphrase) refuseUnsigned(reader.header, file);
    const passphrase = withPassphrase ? await askPassphrase(env, { twice: false }) : null;
    const backup = await checkBackup(file, passphrase);
    const target = await openTarget(env, process.cwd(), log);
    opened.defer(() => target.close());
    const keys = settleKeys(target, backup.header, backup.keys, env, log);
    const client = await connectOwner(target.databaseUrl, "atelier-restore");
    opened.defer(() => client.end());
    const { rows, chains, absent } = await runRestore({
      client,
      target,
      file,
      backup,
      keys,
      acceptBrokenAudit,
      acceptLost,
      log,
    });
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    const { backupId, takenAt } = backup.header;
    print(
      `Restored backup ${backupId} of ${takenAt}: ${backup.end.tables} tables, ${rows} rows, ${seconds} s`,
    );
    print(`${chains} audit chains say so and verify; everybody has to sign in again`);
    if (absent.length > 0) {
      const named = absent.slice(0, 20).join(", ") + (absent.length > 20 ? ", …" : "");
      print(`Workspaces that are not in the backup and known from anchors only (${absent.length}): ${named}`);
    }
    if (!target.hasKeys) print(`The keys are in ${target.keysFile}`);
    return 0;
  },
  { misuse: 2 },
);
