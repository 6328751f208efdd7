// Writes a backup file: beside its place, whole and on the disk before it gets its name.
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, lstat, open, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { zstdCompress } from "node:zlib";
import { AppError } from "../../domain/app-error.ts";
import {
  BACKUP_MAGIC,
  type BackupEnd,
  type BackupHeader,
  countRows,
  FRAME_HEAD_BYTES,
  type FrameKind,
  type TableEnd,
} from "../../domain/backup-format.ts";
import { giveName } from "./give-name.ts";

export type BackupWriter = {
  header(header: BackupHeader): Promise<void>;
  table(table: { name: string; columns: string[] }, chunks: AsyncIterable<Buffer>): Promise<TableEnd>;
  /** Ends, flushes and names the file. */
  finish(sign?: (sha256: string) => string): Promise<BackupEnd>;
  /** Takes away what was written; does nothing after `finish`. */
  abandon(): Promise<void>;
};

const compress = promisify(zstdCompress);
// One frame's rows: PostgreSQL's own messages are single rows, far too small to compress well.
const FRAME_BYTES = 1024 * 1024;

type Output = { handle: FileHandle; hash: Hash };

/** Throws `file_exists`: a backup never takes another's place. Other faults are the file system's, `disk_full` by name. */
export async function createBackupFile(file: string): Promise<BackupWriter> {
  const isTaken = await lstat(file).then(
    () => true,
    () => false,
  );
  if (isTaken) throw taken(file);
  const half = `${file}.unfinished-${process.pid}`;
  const handle = await open(half, "wx", 0o600).catch((cause: unknown) => {
    throw cannotWrite(file, cause);
  });
  const output = { handle, hash: createHash("sha256") };
  let isOpen = true;
  const sums = { tables: 0, rows: 0 };
  const guarded = async <Result>(work: () => Promise<Result>): Promise<Result> =>
    await work().catch((cause: unknown) => {
      throw cannotWrite(file, cause);
    });
  return {
    header: (header) =>
      guarded(async () => {
        await write(output, Buffer.from(BACKUP_MAGIC));
        await writeFrame(output, "H", Buffer.from(JSON.stringify(header)));
      }),
    table: (table, chunks) =>
      guarded(async () => {
        const end = await writeTable(output, table, chunks);
        sums.tables += 1;
        sums.rows += end.rows;
        return end;
      }),
    finish: (sign) =>
      guarded(async () => {
        const sha256 = output.hash.copy().digest("hex");
        const end: BackupEnd = { ...sums, sha256, ...(sign && { signature: sign(sha256) }) };
        await writeFrame(output, "Z", Buffer.from(JSON.stringify(end)));
        await handle.sync();
        await handle.close();
        isOpen = false;
        await giveName(half, file).catch((cause: NodeJS.ErrnoException) => {
          throw cause.code === "EEXIST" ? taken(file) : cause;
        });
        await syncFolder(path.dirname(file));
        return end;
      }),
    async abandon() {
      if (isOpen) await handle.close().catch(() => {});
      isOpen = false;
      await rm(half, { force: true });
    },
  };
}

async function writeTable(
  output: Output,
  table: { name: string; columns: string[] },
  chunks: AsyncIterable<Buffer>,
): Promise<TableEnd> {
  await writeFrame(output, "T", Buffer.from(JSON.stringify(table)));
  const hash = createHash("sha256");
  let rows = 0;
  for await (const chunk of inFrames(chunks)) {
    hash.update(chunk);
    rows += countRows(chunk);
    await writeFrame(output, "D", await compress(chunk));
  }
  const end = { name: table.name, rows, sha256: hash.digest("hex") };
  await writeFrame(output, "E", Buffer.from(JSON.stringify(end)));
  return end;
}

async function* inFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + FRAME_BYTES - bytes);
      parts.push(part);
      bytes += part.length;
      at += part.length;
      if (bytes < FRAME_BYTES) continue;
      yield Buffer.concat(parts);
      parts = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield Buffer.concat(parts);
}

async function writeFrame(output: Output, kind: FrameKind, body: Buffer): Promise<void> {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.write(kind, 0, "latin1");
  head.writeUInt32BE(body.length, 1);
  await write(output, Buffer.concat([head, body]));
}

async function write({ handle, hash }: Output, bytes: Buffer): Promise<void> {
  hash.update(bytes);
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at);
    at += bytesWritten;
  }
}

/** The name itself is on the disk with this. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

function taken(file: string): AppError {
  return new AppError("file_exists", `${file} is there already; a backup never takes the place of another`);
}

function cannotWrite(file: string, cause: unknown): unknown {
  if (cause instanceof AppError || !(cause instanceof Error && "code" in cause && "syscall" in cause))
    return cause;
  const isFull = cause.code === "ENOSPC" || cause.code === "EDQUOT" || cause.code === "EFBIG";
  return new AppError(
    isFull ? "disk_full" : "file_unwritable",
    isFull
      ? `There is no room for the backup at ${file}; nothing was left behind. Free some space or name another place`
      : `The backup cannot be written to ${file}: ${cause.message}`,
    { cause },
  );
}
