// Files in rows: metadata, and the bytes in chunks of one fixed size.
import type { ReadFacts } from "../domain/audited-read.ts";
import type { Executor } from "./database.ts";
import { newestFirst } from "./newest-first.ts";
import { auditReadsOf } from "./read-facts.ts";
import { type Sql, sql } from "./sql.ts";

/** Part of the stored format: a byte's chunk is found by division, so this never changes. */
export const CHUNK_BYTES = 262_144;

export type FileMetadata = {
  id: string;
  workspaceId: string;
  name: string;
  /** Bytes. */
  size: number;
  contentType: string;
  /** Hex. */
  sha256: string;
  /** Data labels: reading its content is audited. */
  labels: string[];
  createdAt: string;
};

/** With what its workspace says about readers. */
export type FoundFile = FileMetadata & ReadFacts;

const COLUMNS = sql`id, workspace_id as "workspaceId", name, size, content_type as "contentType",
  encode(sha256, 'hex') as sha256, labels, created_at as "createdAt"`;

/** Nobody sees the file before `completeFile`. */
export async function insertFile(
  tx: Executor,
  row: Pick<FileMetadata, "id" | "workspaceId" | "name" | "contentType"> & {
    ownerId: string;
    labels: readonly string[];
  },
): Promise<void> {
  await tx.run(sql`
    insert into files (id, workspace_id, owner_id, name, content_type, labels)
    values (${row.id}, ${row.workspaceId}, ${row.ownerId}, ${row.name}, ${row.contentType}, ${row.labels})`);
}

/** Chunks `firstSeq`, `firstSeq` + 1, … in one statement; all but the file's last are CHUNK_BYTES long. */
export async function insertChunks(
  tx: Executor,
  rows: { fileId: string; workspaceId: string; firstSeq: number; chunks: readonly Buffer[] },
): Promise<void> {
  const values = rows.chunks
    .map(
      (bytes, index) =>
        sql`(${rows.fileId}::uuid, ${rows.firstSeq + index}::int, ${rows.workspaceId}::uuid, ${bytes}::bytea)`,
    )
    .reduce((before, next) => sql`${before}, ${next}`);
  await tx.run(sql`insert into file_chunks (file_id, seq, workspace_id, bytes) values ${values}`);
}

/** null when it was completed or removed already. */
export function completeFile(
  tx: Executor,
  file: { id: string; size: number; sha256: Buffer },
): Promise<FileMetadata | null> {
  return tx.one<FileMetadata>(sql`
    update files set size = ${file.size}, sha256 = ${file.sha256}, completed_at = now()
    where id = ${file.id} and completed_at is null
    returning ${COLUMNS}`);
}

export function findFile(tx: Executor, id: string): Promise<FoundFile | null> {
  return tx.one<FoundFile>(sql`
    select ${COLUMNS}, ${auditReadsOf(sql`files`)} from files where id = ${id} and completed_at is not null`);
}

/** In order; fewer than asked when the file ends or was deleted meanwhile. */
export async function readChunks(
  tx: Executor,
  range: { fileId: string; firstSeq: number; count: number },
): Promise<Buffer[]> {
  const rows = await tx.many<{ bytes: Buffer }>(sql`
    select bytes from file_chunks
    where file_id = ${range.fileId} and seq >= ${range.firstSeq} and seq < ${range.firstSeq + range.count}
    order by seq`);
  return rows.map((row) => row.bytes);
}

/** The chunks go with it. `unfinished` is for uploads that broke off. */
export async function deleteFile(
  tx: Executor,
  id: string,
  state: "finished" | "unfinished",
): Promise<boolean> {
  const isFinished = state === "finished";
  const deleted = await tx.run(sql`
    delete from files where id = ${id} and (completed_at is not null) = ${isFinished}::boolean`);
  return deleted === 1;
}

/** Which of the ids (UUIDs) are finished files of the workspace. */
export async function findFilesOf(
  tx: Executor,
  workspaceId: string,
  ids: readonly string[],
): Promise<Set<string>> {
  const rows = await tx.many<{ id: string }>(sql`
    select id from files
    where workspace_id = ${workspaceId} and id = any (${ids}::uuid[]) and completed_at is not null`);
  return new Set(rows.map((row) => row.id));
}

export type ListFiles = { workspaceIds: readonly string[]; before?: string | undefined; limit: number };

/** Newest first. */
export function listFiles(tx: Executor, { workspaceIds, before, limit }: ListFiles): Promise<FileMetadata[]> {
  const older = before === undefined ? sql`` : sql`and id < ${before}`;
  const rowsOf = (workspaceId: Sql) => sql`
    select ${COLUMNS} from files where workspace_id = ${workspaceId} and completed_at is not null ${older}`;
  return tx.many<FileMetadata>(newestFirst(workspaceIds, limit, rowsOf));
}
