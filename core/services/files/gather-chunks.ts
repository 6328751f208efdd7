// Cuts a stream of pieces of any size into chunks of one size, a few at a time.

/**
 * Yields lists of at most `perBatch` chunks of `chunkBytes`; only the very last chunk may be shorter. Holds
 * at most one batch and one piece; the source waits while the consumer works.
 */
export async function* gatherChunks(
  source: AsyncIterable<Buffer>,
  { chunkBytes, perBatch }: { chunkBytes: number; perBatch: number },
): AsyncGenerator<Buffer[]> {
  let batch: Buffer[] = [];
  let chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let filled = 0;
  for await (const piece of source) {
    for (let offset = 0; offset < piece.length; ) {
      const copied = piece.copy(chunk, filled, offset);
      offset += copied;
      filled += copied;
      if (filled < chunkBytes) continue;
      batch.push(chunk);
      chunk = Buffer.allocUnsafeSlow(chunkBytes);
      filled = 0;
      if (batch.length < perBatch) continue;
      yield batch;
      batch = [];
    }
  }
  if (filled > 0) batch.push(chunk.subarray(0, filled));
  if (batch.length > 0) yield batch;
}
