// Which keys the rows of a snapshot need, and what tells each key from another of its name.
import type { Client } from "pg";
import type { SealedColumns } from "../credentials/credentials.ts";
import { SEALED_PLACES, type SealedPlace, selectKeyUses } from "../credentials/sealed-records.ts";

/** `used`: ids of the keys that wrap anything; `canaries`: of every key the database has ever known. */
export type KnownKeys = { used: string[]; canaries: SealedColumns[] };

/** As the role that may read everything, see `beginSnapshot` and `beginReading`. */
export async function readKnownKeys(client: Client): Promise<KnownKeys> {
  const used = new Set<string>();
  for (const place of Object.keys(SEALED_PLACES) as SealedPlace[]) {
    const { rows } = await client.query<{ keyId: string }>(selectKeyUses(place).text);
    for (const { keyId } of rows) used.add(keyId);
  }
  const { rows: canaries } = await client.query<SealedColumns>(
    `select key_id "keyId", wrapped_key "wrappedKey", ciphertext from key_canaries order by key_id`,
  );
  return { used: [...used].sort(), canaries };
}
