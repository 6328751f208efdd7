// The acts of `npm run keys:rotate` on an open installation.
import { setTimeout as sleep } from "node:timers/promises";
import { publicKeysOf } from "../../core/crypto/anchor-signer.ts";
import { createEnvelope } from "../../core/crypto/envelope.ts";
import { checkKeyCanary } from "../../core/crypto/key-canary.ts";
import { createKeyring, type NamedKey } from "../../core/crypto/keyring.ts";
import { AppError } from "../../core/domain/app-error.ts";
import { createKeyCanaries } from "../../core/persistence/credentials/key-canaries.ts";
import type { Database } from "../../core/persistence/database.ts";
import { readAnchors } from "../../core/services/audit/read-anchors.ts";
import {
  countKeyUses,
  type RotationReport,
  rotateKeys,
} from "../../core/services/credentials/rotate-keys.ts";
import type { Installation } from "../installation/open-installation.ts";
import { idsOf, withNewKey, withoutKeys } from "./keys-text.ts";

/** The file the keys lie in, and how to change what is in it; null where the environment has them. */
export type KeysStore = { file: string; read(): string; write(encryptionKeys: string): void };

export type Rotation = {
  installation: Installation;
  /** As `atelier_rotator`. */
  database: Database;
  store: KeysStore | null;
  print: (line: string) => void;
  /** Where the signed heads of the audit log are kept. */
  anchorFolder: string;
};

// Processes read the file again at most once a second: twice that, and all of them have the new key.
const ALL_HAVE_READ_MS = 2_500;

/** Returns the exit code: 0 when every secret is under the current key, 2 when some could not be opened. */
export async function rotate(rotation: Rotation, newKey: boolean): Promise<number> {
  const { database, store, print } = rotation;
  const before = currentKey(rotation);
  const isHalfDone = (await countKeyUses(database)).some((use) => use.keyId !== before);
  if (store && (newKey || !isHalfDone)) {
    store.write(withNewKey(store.read()));
    print(
      `${store.file} has the new key ${currentKey(rotation)}; running processes take it up by themselves`,
    );
    await sleep(ALL_HAVE_READ_MS);
  } else {
    print(isHalfDone ? `Going on under ${before}` : `Everything is under ${before} already. ${ADVICE}`);
  }
  const report = await wrapEverything(rotation);
  print(`${report.rewrapped} secrets are now under ${currentKey(rotation)}`);
  for (const { place, id } of report.broken) print(`does not open, left as it is: ${place} ${id}`);
  return report.broken.length === 0 ? 0 : 2;
}

const ADVICE =
  "To rotate, put a new key first in ENCRYPTION_KEYS of every process, keep the old ones behind it, restart the " +
  "processes one by one, and run this again";

/** A process that sealed in the last second under the old key may come late: again until nothing is left. */
async function wrapEverything({ installation, database, print }: Rotation): Promise<RotationReport> {
  const keyring = createKeyring({ keys: installation.encryptionKeys() });
  const envelope = createEnvelope({ keyring });
  await checkKeyCanary(createKeyCanaries(database), envelope);
  const keyId = keyring.current().id;
  let total = 0;
  for (;;) {
    const base = total;
    const onProgress = (records: number) => print(`${base + records} done`);
    const report = await rotateKeys({ database, envelope, keyId, onProgress });
    total += report.rewrapped;
    if (report.rewrapped === 0) return { ...report, rewrapped: total };
  }
}

export async function showStatus({ database, installation, print }: Rotation): Promise<number> {
  const uses = await countKeyUses(database);
  for (const [index, { id }] of installation.encryptionKeys().entries()) {
    const records = uses.find((use) => use.keyId === id)?.records ?? 0;
    print(`${id}${index === 0 ? " (current)" : ""}: ${records} secrets`);
  }
  return 0;
}

/** Throws `keys_in_environment` where there is no file to change, `anchors_unvouched` when it is too early. */
export async function retire({
  installation,
  database,
  store,
  print,
  anchorFolder,
}: Rotation): Promise<number> {
  if (!store) {
    throw new AppError(
      "keys_in_environment",
      "The keys are in ENCRYPTION_KEYS: take out by hand what --status shows with 0 secrets, and restart the processes",
    );
  }
  const used = new Set((await countKeyUses(database)).map((use) => use.keyId));
  const [, ...old] = idsOf(store.read());
  const unused = old.filter((id) => !used.has(id));
  const staying = installation.encryptionKeys().filter(({ id }) => !unused.includes(id));
  if (unused.length > 0) await refuseUnvouched(anchorFolder, staying, installation.encryptionKeys());
  store.write(withoutKeys(store.read(), unused));
  print(unused.length === 0 ? "No key can be retired" : `Retired: ${unused.join(", ")}`);
  return 0;
}

/** Anchors nobody can check any more would let the audit log's tail be cut unseen. */
async function refuseUnvouched(folder: string, staying: readonly NamedKey[], all: readonly NamedKey[]) {
  const countUnknown = async (keys: readonly NamedKey[]) =>
    (await readAnchors(folder, publicKeysOf(keys), new Set())).unknownKeys;
  if ((await countUnknown(staying)) <= (await countUnknown(all))) return;
  throw new AppError(
    "anchors_unvouched",
    `The old key has signed anchors of the audit log in ${folder}, and the new one does not vouch for it yet. The ` +
      "scheduler writes that within a minute while the platform runs: try again then",
  );
}

function currentKey({ installation }: Rotation): string {
  return installation.encryptionKeys()[0]?.id ?? "";
}
