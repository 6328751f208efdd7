// The backup file: a line that names it, then frames of one byte of kind, four of length (big endian) and that many bytes.
//
//   ATELIER BACKUP 1\n
//   H  JSON  what it holds and where it comes from; once, first
//   T  JSON  {name, columns}: a table begins, in the header's order
//   D  zstd  up to 1 MB of its rows in PostgreSQL's COPY text format (one row per newline, UTF-8), each frame whole by itself
//   E  JSON  {name, rows, sha256}: the table ends; the hash is over its rows before they were compressed
//   Z  JSON  {tables, rows, sha256, signature?}: the end; the hash is over every byte of the file before this frame
import { z } from "zod";

export const BACKUP_MAGIC = "ATELIER BACKUP 1\n";
export const FRAME_HEAD_BYTES = 5;
/** No writer makes longer ones, so that a damaged length asks for no memory. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

// Four times what a backup asks for: a file that somebody changed must not ask for a machine's memory (512 MB at most) or hours.
const MAX_SCRYPT_WORK = 4 * 131_072 * 8;

export type FrameKind = "H" | "T" | "D" | "E" | "Z";

const tableSchema = z.strictObject({ name: z.string(), columns: z.array(z.string()).min(1) });

export const backupHeaderSchema = z.strictObject({
  format: z.literal(1),
  backupId: z.uuid(),
  /** When the snapshot was taken, on the database's clock. */
  takenAt: z.iso.datetime(),
  /** Of Atelier. */
  version: z.string(),
  postgresVersion: z.string(),
  /** All that the schema had seen, in their order. */
  migrations: z.array(z.string()).min(1),
  months: z.array(z.string().regex(/^\d{6}$/)),
  sequences: z.array(z.strictObject({ table: z.string(), column: z.string(), value: z.int() })),
  tables: z.array(tableSchema),
  /** JWT_SECRETS and ENCRYPTION_KEYS under the passphrase; null: taken without. */
  keys: z
    .strictObject({
      salt: z
        .strictObject({
          kdf: z.literal("scrypt"),
          n: z.int().min(16_384),
          r: z.int().min(1),
          p: z.int().min(1),
          salt: z.string().min(16).max(128),
        })
        .refine(({ n, r, p }) => n * r * p <= MAX_SCRYPT_WORK && Number.isInteger(Math.log2(n))),
      box: z.string().max(65_536),
    })
    .nullable(),
});

export type BackupHeader = z.infer<typeof backupHeaderSchema>;

export const tableStartSchema = tableSchema;

export const tableEndSchema = z.strictObject({
  name: z.string(),
  rows: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export type TableEnd = z.infer<typeof tableEndSchema>;

export const backupEndSchema = z.strictObject({
  tables: z.int(),
  rows: z.int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Of the hash, by the passphrase: who does not know it cannot change the file. */
  signature: z.string().optional(),
});

export type BackupEnd = z.infer<typeof backupEndSchema>;

/** A row ends with a newline, and none is inside one: COPY writes it as \n there. */
export function countRows(chunk: Uint8Array): number {
  let rows = 0;
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) rows += 1;
  return rows;
}
