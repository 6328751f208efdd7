// Reads a backup file back, frame by frame, and believes nothing that its hashes do not prove.
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import type { z } from "zod";
import { AppError } from "../../domain/app-error.ts";
import {
  BACKUP_MAGIC,
  type BackupEnd,
  type BackupHeader,
  backupEndSchema,
  backupHeaderSchema,
  countRows,
  FRAME_HEAD_BYTES,
  MAX_FRAME_BYTES,
  type TableEnd,
  tableEndSchema,
  tableStartSchema,
} from "../../domain/backup-format.ts";

export type BackupReader = {
  header: BackupHeader;
  /**
   * Hands each table's rows to `take`, which must read them to their end. Resolves when the file's end proves it whole.
   * Throws `backup_damaged`, naming the place; what was handed out until then must not be kept.
   */
  readTables(
    take: (table: TableStart, chunks: AsyncIterable<Buffer>) => Promise<void>,
  ): Promise<BackupContent>;
  close(): Promise<void>;
};

export type TableStart = { name: string; columns: string[] };
export type BackupContent = { tables: TableEnd[]; end: BackupEnd };

const decompress = promisify(zstdDecompress);

type Frame = { kind: string; body: Buffer; at: number };
type Input = { handle: FileHandle; hash: Hash; at: number; file: string };

/** Throws `backup_unreadable`, `no_backup` for another kind of file, `backup_damaged`. */
export async function openBackupFile(file: string): Promise<BackupReader> {
  const handle = await open(file, "r").catch((cause: Error) => {
    throw new AppError("backup_unreadable", `${file} cannot be read: ${cause.message}`, { cause });
  });
  try {
    const input = { handle, hash: createHash("sha256"), at: 0, file };
    const header = await readHeader(input);
    return {
      header,
      readTables: (take) => readTables(input, header, take),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(input: Input): Promise<BackupHeader> {
  const magic = await readBytes(input, BACKUP_MAGIC.length);
  if (magic.toString("latin1") !== BACKUP_MAGIC) {
    const [name, format] = [BACKUP_MAGIC.slice(0, 15), magic.toString("latin1", 15).trim()];
    throw new AppError(
      "no_backup",
      magic.toString("latin1").startsWith(name) && /^\d+$/.test(format)
        ? `${input.file} has the format ${format} of a newer Atelier`
        : `${input.file} is no backup of Atelier`,
    );
  }
  const frame = await readFrame(input);
  if (frame.kind !== "H") throw damaged(input, "its header is missing");
  return parse(input, frame, backupHeaderSchema);
}

async function readTables(
  input: Input,
  header: BackupHeader,
  take: (table: TableStart, chunks: AsyncIterable<Buffer>) => Promise<void>,
): Promise<BackupContent> {
  const tables: TableEnd[] = [];
  for (const expected of header.tables) {
    const frame = await readFrame(input);
    if (frame.kind !== "T") throw damaged(input, `the table ${expected.name} does not begin`, frame.at);
    const start = parse(input, frame, tableStartSchema);
    if (JSON.stringify(start) !== JSON.stringify(expected)) {
      throw damaged(input, `the table ${start.name} stands where ${expected.name} was announced`, frame.at);
    }
    tables.push(await readTable(input, start, take));
  }
  const proven = input.hash.copy().digest("hex");
  const last = await readFrame(input);
  if (last.kind !== "Z") throw damaged(input, "its end is missing", last.at);
  const end = parse(input, last, backupEndSchema);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  if (end.sha256 !== proven || end.rows !== rows || end.tables !== tables.length) {
    throw damaged(input, "its bytes are not those that its end speaks of");
  }
  const { bytesRead } = await input.handle.read(Buffer.alloc(1), 0, 1, input.at);
  if (bytesRead > 0) throw damaged(input, "something follows its end", input.at);
  return { tables, end };
}

async function readTable(
  input: Input,
  start: TableStart,
  take: (table: TableStart, chunks: AsyncIterable<Buffer>) => Promise<void>,
): Promise<TableEnd> {
  const hash = createHash("sha256");
  let rows = 0;
  let last: Frame | null = null;
  async function* readRows(): AsyncGenerator<Buffer> {
    for (;;) {
      const frame = await readFrame(input);
      if (frame.kind !== "D") {
        last = frame;
        return;
      }
      const chunk = await decompress(frame.body, { maxOutputLength: MAX_FRAME_BYTES }).catch(() => {
        throw damaged(input, `rows of the table ${start.name} cannot be unpacked`, frame.at);
      });
      hash.update(chunk);
      rows += countRows(chunk);
      yield chunk;
    }
  }
  // Proven before the last rows are taken for good: COPY ends when this one ends without a fault.
  let end: TableEnd | null = null;
  async function* provenRows(): AsyncGenerator<Buffer> {
    yield* readRows();
    const frame = last as Frame | null;
    if (frame?.kind !== "E") throw damaged(input, `the table ${start.name} does not end`, frame?.at);
    end = parse(input, frame, tableEndSchema);
    if (end.name !== start.name || end.rows !== rows || end.sha256 !== hash.digest("hex")) {
      throw damaged(input, `the rows of the table ${start.name} are not those that were written`, frame.at);
    }
  }
  await take(start, provenRows());
  if (!end) throw new Error(`the table ${start.name} was not read to its end`);
  return end;
}

async function readFrame(input: Input): Promise<Frame> {
  const at = input.at;
  const head = await readBytes(input, FRAME_HEAD_BYTES);
  const length = head.readUInt32BE(1);
  if (length > MAX_FRAME_BYTES) throw damaged(input, "a frame is longer than any can be", at);
  return { kind: head.toString("latin1", 0, 1), body: await readBytes(input, length), at };
}

async function readBytes(input: Input, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let read = 0; read < length; ) {
    const { bytesRead } = await input.handle.read(bytes, read, length - read, input.at + read);
    if (bytesRead === 0) throw damaged(input, "it is cut off", input.at + read);
    read += bytesRead;
  }
  input.at += length;
  input.hash.update(bytes);
  return bytes;
}

function parse<Value>(input: Input, frame: Frame, schema: z.ZodType<Value>): Value {
  try {
    return schema.parse(JSON.parse(frame.body.toString("utf8")));
  } catch (cause) {
    throw damaged(input, "what it says of itself cannot be understood", frame.at, cause);
  }
}

function damaged({ file }: Input, what: string, at?: number, cause?: unknown): AppError {
  const where = at === undefined ? "" : ` (at byte ${at})`;
  return new AppError("backup_damaged", `${file} is damaged: ${what}${where}`, { cause });
}
