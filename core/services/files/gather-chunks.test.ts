import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { gatherChunks } from "./gather-chunks.ts";

async function* piecesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}

test("whatever the pieces, the chunks are full but for the last, and hold the same bytes", async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      pieces,
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 1, max: 5 }),
      async (list, chunkBytes, perBatch) => {
        const batches: Buffer[][] = [];
        for await (const batch of gatherChunks(piecesOf(list), { chunkBytes, perBatch })) batches.push(batch);
        const chunks = batches.flat();
        assert.deepEqual(Buffer.concat(chunks), Buffer.concat(list));
        for (const chunk of chunks.slice(0, -1)) assert.equal(chunk.length, chunkBytes);
        assert.ok(chunks.every((chunk) => chunk.length > 0 && chunk.length <= chunkBytes));
        for (const batch of batches.slice(0, -1)) assert.equal(batch.length, perBatch);
      },
    ),
  );
});

test("no more is read than one batch while the consumer is busy", async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      read += 1;
      yield Buffer.alloc(10);
    }
  }
  const batches = gatherChunks(endless(), { chunkBytes: 10, perBatch: 3 });
  await batches.next();
  assert.equal(read, 3);
  await batches.next();
  assert.equal(read, 6);
  await batches.return(undefined);
});
