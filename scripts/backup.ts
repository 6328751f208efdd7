// `npm run backup -- FILE`: everything the platform knows in one file, while it runs. See its usage for the rest.
import path from "node:path";
import type { KnownKeys } from "../core/crypto/key-canary.ts";
import { checkBackup } from "../core/services/backup/check-backup.ts";
import { takeBackup } from "../core/services/backup/take-backup.ts";
import { parseEncryptionKeys, proveKeys, readInstalledKeys } from "./backup/installed-keys.ts";
import { readArguments } from "./backup/read-arguments.ts";
import { askPassphrase } from "./installation/ask-passphrase.ts";
import { readAtelierVersion } from "./installation/atelier-version.ts";
import { keysFileIn } from "./installation/keep-keys.ts";
import { connectOwner } from "./installation/owner-client.ts";
import { type Command, runCommand } from "./installation/run-command.ts";

await runCommand(
  async (command) => {
    const { file, act, withKeys, acceptLost } = readArguments(command.args);
    return await (act === "check"
      ? check(command, path.resolve(file), withKeys)
      : take(command, path.resolve(file), { withKeys, acceptLost }));
  },
  { misuse: 2 },
);

async function take(
  { open, print, log }: Command,
  file: string,
  { withKeys, acceptLost }: { withKeys: boolean; acceptLost: boolean },
): Promise<number> {
  const startedAt = performance.now();
  const { env } = process;
  const installation = await open({ migrates: false });
  const keysFile = env.KEYS_FILE || keysFileIn(installation.dataDir);
  const readInstalled = () => readInstalledKeys(env, keysFile, log);
  // Before anybody is asked for anything; what goes in is read again in the snapshot.
  if (withKeys) readInstalled();
  const secrets = withKeys && {
    passphrase: await askPassphrase(env, { twice: true }),
    async keysFor(known: KnownKeys) {
      const keys = readInstalled();
      const parsed = parseEncryptionKeys(keys, installation.databaseUrl, env);
      await proveKeys(known, parsed, { acceptLost, log });
      return keys;
    },
  };
  const client = await connectOwner(installation.databaseUrl, "atelier-backup");
  try {
    const taken = await takeBackup({
      client,
      file,
      version: readAtelierVersion(),
      secrets: secrets || null,
      onTable: ({ name, rows }) => log(`${name}: ${rows} rows`),
      locks: { tell: log },
    });
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    print(
      `${file}: backup ${taken.backupId} of ${taken.takenAt}, ${taken.tables} tables, ${taken.rows} rows, ${seconds} s`,
    );
    if (!secrets)
      print("The keys are not in it: without them no credential in it opens. Keep them elsewhere.");
    return 0;
  } finally {
    await client.end();
  }
}

async function check({ print }: Command, file: string, withKeys: boolean): Promise<number> {
  const passphrase = (withKeys && process.env.BACKUP_PASSPHRASE) || null;
  const { header, tables, end, keys } = await checkBackup(file, passphrase);
  for (const { name, rows } of tables) print(`${name}: ${rows} rows`);
  print(
    `${file} is whole: backup ${header.backupId} of ${header.takenAt}, ${end.tables} tables, ${end.rows} rows`,
  );
  print(
    `made by Atelier ${header.version} on PostgreSQL ${header.postgresVersion}, schema ${header.migrations.at(-1)}`,
  );
  if (!header.keys) print("It was taken without keys: nothing proves that nobody changed it.");
  else if (keys) print("The passphrase opens its keys, and nobody without it has changed the file.");
  else print("With BACKUP_PASSPHRASE set, its keys and its signature are checked too.");
  return 0;
}
