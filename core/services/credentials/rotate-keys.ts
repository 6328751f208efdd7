// Rotation: every data key is wrapped anew under the current key-encryption key, while the platform runs.
import type { Envelope } from "../../crypto/envelope.ts";
import { AppError } from "../../domain/app-error.ts";
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import {
  countByKey,
  type KeyUse,
  lockSealedUnderOthers,
  type Rewrapped,
  SEALED_PLACES,
  type SealedPlace,
  type SealedRecord,
  updateWrappedKeys,
} from "../../persistence/credentials/sealed-records.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { NOBODY } from "../../persistence/database.ts";

export type RotationDependencies = {
  /** As `atelier_rotator`. */
  database: Database;
  envelope: Envelope;
  /** The id of the key everything shall be wrapped by: the keyring's current one. */
  keyId: string;
  /** Called after each committed batch with the number of records so far. */
  onProgress?: (records: number) => void;
};

/** `broken`: records that do not open with the key they name; they were left as they are. */
export type RotationReport = { rewrapped: number; broken: Array<{ place: SealedPlace; id: string }> };

// About 50 ms of work: whoever wants to change one of these records meanwhile hardly waits.
const BATCH = 500;
const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";
const PLACES = Object.keys(SEALED_PLACES) as SealedPlace[];

/**
 * Commits in batches; killed at any point, calling it again goes on. Contents are not touched: old and new keys both
 * open what they wrap, so nothing that runs meanwhile fails as long as processes hold both.
 */
export async function rotateKeys(dependencies: RotationDependencies): Promise<RotationReport> {
  const report: RotationReport = { rewrapped: 0, broken: [] };
  for (const place of PLACES) {
    let after: string | undefined = BEFORE_ALL;
    while (after !== undefined) {
      const page = { keyId: dependencies.keyId, after, limit: BATCH };
      const batch: Batch = await dependencies.database.transaction(NOBODY, (tx) =>
        rewrapBatch(tx, dependencies, place, page),
      );
      report.rewrapped += batch.rewrapped;
      report.broken.push(...batch.broken.map((id) => ({ place, id })));
      after = batch.last;
      dependencies.onProgress?.(report.rewrapped);
    }
  }
  return report;
}

type Batch = { rewrapped: number; broken: string[]; last: string | undefined };

async function rewrapBatch(
  tx: Executor,
  { envelope, keyId }: RotationDependencies,
  place: SealedPlace,
  page: Parameters<typeof lockSealedUnderOthers>[2],
): Promise<Batch> {
  const records = await lockSealedUnderOthers(tx, place, page);
  const fresh: Rewrapped[] = [];
  const broken: string[] = [];
  for (const record of records) {
    const rewrapped = rewrap(envelope, place, record);
    if (rewrapped) fresh.push(rewrapped);
    else broken.push(record.id);
  }
  if (fresh.length > 0) {
    await updateWrappedKeys(tx, place, fresh);
    const details = { place, records: fresh.length };
    const target = { targetType: "key", targetId: keyId, details };
    await appendAudit(tx, [{ chainId: INSTANCE_CHAIN, actorId: null, action: "key.rotated", ...target }]);
  }
  return { rewrapped: fresh.length, broken, last: records.at(-1)?.id };
}

function rewrap(envelope: Envelope, place: SealedPlace, record: SealedRecord): Rewrapped | null {
  const { id, workspaceId, type } = record;
  try {
    const binding = { purpose: SEALED_PLACES[place].purpose, workspaceId, id, type };
    return { id, ...envelope.rewrap(record, binding) };
  } catch (error) {
    if (error instanceof AppError && error.code === "decryption_failed") return null;
    throw error;
  }
}

/** How many records each key wraps, over all places. */
export async function countKeyUses(database: Database): Promise<KeyUse[]> {
  const counts = new Map<string, number>();
  for (const place of PLACES) {
    for (const { keyId, records } of await countByKey(database, place)) {
      counts.set(keyId, (counts.get(keyId) ?? 0) + records);
    }
  }
  return [...counts].map(([keyId, records]) => ({ keyId, records }));
}
