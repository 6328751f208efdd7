// Hands out a file's bytes a few chunks at a time.
import { AppError } from "../../domain/app-error.ts";
import type { Database, Principals } from "../../persistence/database.ts";
import { CHUNK_BYTES, readChunks } from "../../persistence/files.ts";

const CHUNKS_PER_READ = 4;

/**
 * Bytes `start` to `end` inclusive. Each read is a short transaction, so a slow reader holds no connection;
 * `file_gone` when the file is deleted meanwhile.
 */
export async function* readFileBytes(
  database: Database,
  principals: Principals,
  fileId: string,
  { start, end }: { start: number; end: number },
): AsyncGenerator<Buffer> {
  const lastSeq = Math.floor(end / CHUNK_BYTES);
  let seq = Math.floor(start / CHUNK_BYTES);
  while (seq <= lastSeq && end >= start) {
    const count = Math.min(CHUNKS_PER_READ, lastSeq - seq + 1);
    const range = { fileId, firstSeq: seq, count };
    const chunks = await database.transaction(principals, (tx) => readChunks(tx, range));
    if (chunks.length < count) throw new AppError("file_gone", "The file was deleted while it was read");
    for (const chunk of chunks) {
      const offset = seq * CHUNK_BYTES;
      yield chunk.subarray(Math.max(start - offset, 0), end - offset + 1);
      seq += 1;
    }
  }
}
