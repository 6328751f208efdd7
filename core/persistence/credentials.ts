// Credentials: sealed secrets of a workspace. Lists never read what is sealed.
import type { Executor } from "./database.ts";
import { sql } from "./sql.ts";

export type CredentialSummary = {
  id: string;
  workspaceId: string;
  name: string;
  type: string;
  allowedHosts: string[];
  clearedLabels: string[];
  createdAt: string;
  updatedAt: string;
};

/** What core/crypto's envelope made of the data, as it lies in the row. */
export type SealedColumns = { keyId: string; wrappedKey: Buffer; ciphertext: Buffer };

export type NewCredential = {
  id: string;
  workspaceId: string;
  ownerId: string;
  name: string;
  type: string;
  sealed: SealedColumns;
  allowedHosts?: readonly string[];
  clearedLabels?: readonly string[];
  /** Imports only: the old id, and when it was made. */
  legacyId?: string;
  createdAt?: string;
};

const COLUMNS = sql`id, workspace_id as "workspaceId", name, type, allowed_hosts as "allowedHosts",
  cleared_labels as "clearedLabels", created_at as "createdAt", updated_at as "updatedAt"`;

/** Null when the workspace has a credential of that name. */
export function insertCredential(tx: Executor, row: NewCredential): Promise<CredentialSummary | null> {
  const { sealed } = row;
  return tx.one<CredentialSummary>(sql`
    insert into credentials (id, workspace_id, owner_id, name, type, key_id, wrapped_key, ciphertext,
      allowed_hosts, cleared_labels, legacy_id, created_at)
    values (${row.id}, ${row.workspaceId}, ${row.ownerId}, ${row.name}, ${row.type}, ${sealed.keyId},
      ${sealed.wrappedKey}, ${sealed.ciphertext}, ${row.allowedHosts ?? []}, ${row.clearedLabels ?? []},
      ${row.legacyId ?? null}, coalesce(${row.createdAt ?? null}::timestamptz, now()))
    on conflict (workspace_id, name) do nothing
    returning ${COLUMNS}`);
}

export type SealedCredential = CredentialSummary & SealedColumns;

/** For the worker and for rotation; row-level security shows it for the claimed workspace only. */
export function findSealedCredential(tx: Executor, id: string): Promise<SealedCredential | null> {
  return tx.one<SealedCredential>(sql`
    select ${COLUMNS}, key_id as "keyId", wrapped_key as "wrappedKey", ciphertext
    from credentials where id = ${id}`);
}
