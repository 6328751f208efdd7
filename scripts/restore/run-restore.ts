// A restore from the empty database to the last proof; whatever fails on the way leaves the database empty again.
import { existsSync } from "node:fs";
import type pg from "pg";
import { publicKeysOf } from "../../core/crypto/anchor-signer.ts";
import { AppError } from "../../core/domain/app-error.ts";
import { clearTarget, listOccupants } from "../../core/persistence/backup/empty-target.ts";
import {
  isHalfRestored,
  markHalfRestored,
  unmarkHalfRestored,
} from "../../core/persistence/backup/half-restored.ts";
import { type KnownKeys, readKnownKeys } from "../../core/persistence/backup/read-known-keys.ts";
import { beginReading, endSnapshot } from "../../core/persistence/backup/read-snapshot.ts";
import { createDatabase } from "../../core/persistence/database.ts";
import { type Forked, forkChains } from "../../core/services/audit/fork-chains.ts";
import { readAnchors } from "../../core/services/audit/read-anchors.ts";
import type { CheckedBackup } from "../../core/services/backup/check-backup.ts";
import { checkFoundations } from "../../core/services/check-foundations.ts";
import { runVerify } from "../audit-verify/run-verify.ts";
import { fillDatabase } from "./fill-database.ts";
import type { RestoreTarget } from "./open-target.ts";
import type { SettledKeys } from "./settle-keys.ts";

export type RestoreOptions = {
  client: pg.Client;
  target: RestoreTarget;
  file: string;
  backup: CheckedBackup;
  keys: SettledKeys;
  acceptBrokenAudit: boolean;
  /** Of keys that secrets are under. */
  acceptLost: boolean;
  log: (line: string) => void;
};

/** `absent`: audit chains that anchors know of and the backup has not. */
export type RestoreReport = { rows: number; chains: number; absent: string[] };

/** Throws `database_not_empty`, `restore_running`, `audit_broken`, `wrong_encryption_key`, and what filling throws. */
export async function runRestore(options: RestoreOptions): Promise<RestoreReport> {
  const { client, backup, keys } = options;
  await takeTarget(options);
  let forgetKeys = () => {};
  try {
    await markHalfRestored(client, backup.header.backupId);
    const rows = await fillDatabase({
      ...options,
      databaseUrl: options.target.databaseUrl,
      sha256: backup.end.sha256,
    });
    await keys.prove(await readRestoredKeys(client), options.acceptLost);
    const { chains, absent } = await beginNewLife(options);
    forgetKeys = keys.keep();
    await unmarkHalfRestored(client);
    return { rows, chains, absent };
  } catch (error) {
    forgetKeys();
    await client.query("rollback").catch(() => {});
    await clearTarget(client).catch(() =>
      options.log("The database could not be emptied; the next restore does it"),
    );
    throw error;
  }
}

async function readRestoredKeys(client: pg.Client): Promise<KnownKeys> {
  await beginReading(client);
  const known = await readKnownKeys(client);
  await endSnapshot(client);
  return known;
}

async function takeTarget({ client, log }: RestoreOptions): Promise<void> {
  const { rows } = await client.query<{ mine: boolean }>(
    "select pg_try_advisory_lock(hashtext('atelier'), hashtext('restore')) mine",
  );
  if (!rows[0]?.mine) throw new AppError("restore_running", "Another restore is at work on this database");
  if (await isHalfRestored(client)) {
    log("An earlier restore was broken off; what it left is taken away");
    await clearTarget(client);
  }
  const occupants = await listOccupants(client);
  if (occupants.length === 0) return;
  throw new AppError(
    "database_not_empty",
    `A backup is restored into an empty database only, and this one holds ${occupants.join(", ")}. Nothing was changed`,
  );
}

/** The keys fit, every audit chain says that it was restored, and every one verifies. */
async function beginNewLife(options: RestoreOptions): Promise<Forked> {
  const { target, backup, keys } = options;
  const { encryptionKeys } = keys;
  const { backupId, takenAt } = backup.header;
  const { databaseUrl, anchorFolder } = target;
  const anchors = await readAnchors(anchorFolder, publicKeysOf(encryptionKeys), null);
  const database = createDatabase({ databaseUrl, role: "atelier_api", maxConnections: 1 });
  let forked: Forked;
  try {
    await checkFoundations(database, encryptionKeys, { isRestoring: true });
    const restoredAt = new Date().toISOString();
    forked = await forkChains(
      database,
      encryptionKeys,
      { backupId, takenAt, restoredAt },
      anchors.heads.keys(),
    );
  } finally {
    await database.close();
  }
  await proveAll(options);
  return forked;
}

async function proveAll({ target, keys, acceptBrokenAudit, log }: RestoreOptions): Promise<void> {
  const broken: string[] = [];
  await runVerify({
    chainIds: null,
    anchors: null,
    publicKeys: [],
    json: false,
    databaseUrl: target.databaseUrl,
    encryptionKeys: keys.encryptionKeys,
    defaultAnchors: existsSync(target.anchorFolder) ? target.anchorFolder : "",
    onProof: ({ chainId, ok, firstBad, reason, anchors }) => {
      if (!ok)
        broken.push(`${chainId} (${reason ?? anchors.faults[0]}${firstBad ? ` at entry ${firstBad}` : ""})`);
    },
  });
  if (broken.length === 0) return;
  const text = `The audit log does not verify: ${broken.join(", ")}`;
  if (!acceptBrokenAudit) {
    throw new AppError("audit_broken", `${text}. With --accept-broken-audit it is restored as it is`);
  }
  log(text);
}
