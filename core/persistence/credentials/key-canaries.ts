// One known text per key-encryption key, written at its first use and never changed.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import type { SealedColumns } from "./credentials.ts";

export function createKeyCanaries(db: Executor) {
  return {
    async list(): Promise<SealedColumns[]> {
      return db.many<SealedColumns>(sql`select key_id as "keyId", wrapped_key as "wrappedKey", ciphertext
        from key_canaries order by key_id`);
    },

    /** Stores the canary unless its key has one, and returns the one that is kept. */
    async keep(canary: SealedColumns): Promise<SealedColumns> {
      await db.run(sql`insert into key_canaries (key_id, wrapped_key, ciphertext)
        values (${canary.keyId}, ${canary.wrappedKey}, ${canary.ciphertext}) on conflict do nothing`);
      const kept =
        await db.one<SealedColumns>(sql`select key_id as "keyId", wrapped_key as "wrappedKey", ciphertext
        from key_canaries where key_id = ${canary.keyId}`);
      return kept ?? canary;
    },
  };
}
