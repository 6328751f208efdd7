// Where sealed secrets lie, as a rotation of the keys sees them: which data key is wrapped by which key-encryption key.
import type { Executor } from "../database.ts";
import { type Sql, sql } from "../sql.ts";

/** What a secret is bound to, and its wrapped data key; the ciphertext is not read. */
export type SealedRecord = {
  id: string;
  workspaceId: string;
  type: string;
  keyId: string;
  wrappedKey: Buffer;
};

type Place = {
  purpose: "credential" | "totp" | "webhook";
  select: Sql;
  keyId: Sql;
  update: (rows: Sql) => Sql;
};

/** Every place with sealed records. A test compares it with the catalogue. */
export const SEALED_PLACES = {
  credentials: {
    purpose: "credential",
    select: sql`select id, workspace_id as "workspaceId", type, key_id as "keyId", wrapped_key as "wrappedKey"
      from credentials`,
    keyId: sql`key_id`,
    update: (rows) => sql`update credentials c set key_id = r.key_id, wrapped_key = r.wrapped_key
      from ${rows} where c.id = r.id`,
  },
  users: {
    purpose: "totp",
    select: sql`select id, '' as "workspaceId", 'totp' as type, totp_key_id as "keyId",
      totp_wrapped_key as "wrappedKey" from users`,
    keyId: sql`totp_key_id`,
    update: (rows) => sql`update users u set totp_key_id = r.key_id, totp_wrapped_key = r.wrapped_key
      from ${rows} where u.id = r.id`,
  },
  webhooks: {
    purpose: "webhook",
    select: sql`select id, workspace_id as "workspaceId", 'secret' as type, secret_key_id as "keyId",
      secret_wrapped_key as "wrappedKey" from webhooks`,
    keyId: sql`secret_key_id`,
    update: (rows) => sql`update webhooks h set secret_key_id = r.key_id, secret_wrapped_key = r.wrapped_key
      from ${rows} where h.id = r.id`,
  },
  // The secret before the current one, which may be good for a while yet.
  webhooks_previous: {
    purpose: "webhook",
    select: sql`select id, workspace_id as "workspaceId", 'secret' as type, previous_secret_key_id as "keyId",
      previous_secret_wrapped_key as "wrappedKey" from webhooks`,
    keyId: sql`previous_secret_key_id`,
    update: (
      rows,
    ) => sql`update webhooks h set previous_secret_key_id = r.key_id, previous_secret_wrapped_key = r.wrapped_key
      from ${rows} where h.id = r.id`,
  },
} as const satisfies Readonly<Record<string, Place>>;

export type SealedPlace = keyof typeof SEALED_PLACES;

/**
 * The next records that another key than `keyId` wraps, in the order of their ids, held until the transaction ends.
 * Whoever is writing one of them right now is waited for: it may carry the old key.
 */
export function lockSealedUnderOthers(
  tx: Executor,
  place: SealedPlace,
  page: { keyId: string; after: string; limit: number },
): Promise<SealedRecord[]> {
  const { select, keyId }: Place = SEALED_PLACES[place];
  return tx.many<SealedRecord>(sql`${select}
    where ${keyId} <> ${page.keyId} and id > ${page.after} order by id limit ${page.limit} for update`);
}

export type Rewrapped = { id: string; keyId: string; wrappedKey: Buffer };

/** Returns how many were rewritten. */
export function updateWrappedKeys(
  tx: Executor,
  place: SealedPlace,
  records: readonly Rewrapped[],
): Promise<number> {
  const rows = sql`unnest(${records.map((record) => record.id)}::uuid[],
    ${records.map((record) => record.keyId)}::text[],
    ${records.map((record) => record.wrappedKey)}::bytea[]) as r (id, key_id, wrapped_key)`;
  return tx.run(SEALED_PLACES[place].update(rows));
}

export type KeyUse = { keyId: string; records: number };

/** How many records of the place each key wraps: rows of KeyUse. */
export function selectKeyUses(place: SealedPlace): Sql {
  const { select, keyId }: Place = SEALED_PLACES[place];
  return sql`
    select "keyId", count(*) as records from (${select} where ${keyId} is not null) s group by 1 order by 1`;
}

export function countByKey(db: Executor, place: SealedPlace): Promise<KeyUse[]> {
  return db.many<KeyUse>(selectKeyUses(place));
}
