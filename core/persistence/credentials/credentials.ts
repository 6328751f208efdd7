// Credentials: sealed secrets of a workspace. Lists never read what is sealed.
import { AppError } from "../../domain/app-error.ts";
import type { Executor } from "../database.ts";
import { newestFirst } from "../newest-first.ts";
import { type Sql, sql } from "../sql.ts";

export type CredentialSummary = {
  id: string;
  workspaceId: string;
  /** Who made it. */
  ownerId: string;
  name: string;
  type: string;
  /** Empty: it goes nowhere until somebody says where to. */
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

const COLUMNS = sql`id, workspace_id as "workspaceId", owner_id as "ownerId", name, type, allowed_hosts as "allowedHosts",
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

/** For the worker, which sees those of the claimed workspace only; ids that are not there, or not in sight, are left out. */
export function findSealedCredentials(tx: Executor, ids: readonly string[]): Promise<SealedCredential[]> {
  return tx.many<SealedCredential>(sql`
    select ${COLUMNS}, key_id as "keyId", wrapped_key as "wrappedKey", ciphertext
    from credentials where id = any (${ids}::uuid[])`);
}

export function findCredential(tx: Executor, id: string): Promise<CredentialSummary | null> {
  return tx.one<CredentialSummary>(sql`select ${COLUMNS} from credentials where id = ${id}`);
}

/** Holds the row until the transaction ends: against other changes, and against graphs that would cite it meanwhile. */
export function lockCredential(tx: Executor, id: string): Promise<CredentialSummary | null> {
  return tx.one<CredentialSummary>(sql`select ${COLUMNS} from credentials where id = ${id} for update`);
}

export type ListCredentials = {
  workspaceIds: readonly string[];
  type?: string | undefined;
  /** The last id of the page before. */
  before?: string | undefined;
  limit: number;
};

/** Newest first. */
export function listCredentials(tx: Executor, page: ListCredentials): Promise<CredentialSummary[]> {
  const ofType = page.type === undefined ? sql`` : sql`and type = ${page.type}`;
  const older = page.before === undefined ? sql`` : sql`and id < ${page.before}`;
  const rowsOf = (workspaceId: Sql) =>
    sql`select ${COLUMNS} from credentials where workspace_id = ${workspaceId} ${ofType} ${older}`;
  return tx.many<CredentialSummary>(newestFirst(page.workspaceIds, page.limit, rowsOf));
}

export type CredentialUpdate = {
  id: string;
  name: string;
  allowedHosts: readonly string[];
  clearedLabels: readonly string[];
  /** Absent: the secret stays. */
  sealed?: SealedColumns | undefined;
};

/** Throws `credential_exists` when another one of the workspace has that name. */
export async function updateCredential(
  tx: Executor,
  row: CredentialUpdate,
): Promise<CredentialSummary | null> {
  const { sealed } = row;
  try {
    return await tx.one<CredentialSummary>(sql`
      update credentials set name = ${row.name}, allowed_hosts = ${row.allowedHosts},
        cleared_labels = ${row.clearedLabels}, updated_at = now(),
        key_id = coalesce(${sealed?.keyId ?? null}, key_id),
        wrapped_key = coalesce(${sealed?.wrappedKey ?? null}::bytea, wrapped_key),
        ciphertext = coalesce(${sealed?.ciphertext ?? null}::bytea, ciphertext)
      where id = ${row.id}
      returning ${COLUMNS}`);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "23505") throw nameTaken(row.name);
    throw error;
  }
}

export function nameTaken(name: string): AppError {
  return new AppError("credential_exists", `This workspace has a credential named "${name}" already`);
}

/** False when it was gone already. */
export async function deleteCredential(tx: Executor, id: string): Promise<boolean> {
  return (await tx.run(sql`delete from credentials where id = ${id}`)) === 1;
}

/** Workflows whose current version cites the credential. */
export function findCitingWorkflows(
  tx: Executor,
  credential: { id: string; workspaceId: string },
  limit: number,
): Promise<{ id: string; name: string }[]> {
  return tx.many<{ id: string; name: string }>(sql`
    select w.id, w.name
    from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version
    where w.workspace_id = ${credential.workspaceId} and w.archived_at is null and exists (
      select from jsonb_path_query(v.graph, '$.nodes[*].data.credentials.*') cited
      where lower(cited #>> '{}') = ${credential.id})
    order by w.id limit ${limit}`);
}
