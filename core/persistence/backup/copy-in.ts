// COPY … FROM STDIN fed from a stream.
import type { Client, Connection } from "pg";

type Wire = Connection & {
  stream: {
    writableNeedDrain: boolean;
    once(event: string, hear: () => void): void;
    off(event: string, hear: () => void): void;
  };
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
};

/**
 * Feeds `chunks` (COPY's text format) to `statement`. Resolves to the number of rows PostgreSQL took in. Rejects with
 * PostgreSQL's error, or with what reading the chunks threw; then nothing of them is kept.
 */
export async function copyIn(
  client: Client,
  statement: string,
  chunks: AsyncIterable<Buffer>,
): Promise<number> {
  const { submittable, opened, done } = createCopyIn(statement);
  client.query(submittable);
  const wire = await Promise.race([opened, done.then(() => null)]);
  if (!wire) return await done;
  // PostgreSQL's refusal ends the feeding at once.
  let refused = false;
  done.catch(() => (refused = true));
  try {
    for await (const chunk of chunks) {
      if (refused) break;
      wire.sendCopyFromChunk(chunk);
      if (wire.stream.writableNeedDrain) await drained(wire, done);
    }
  } catch (error) {
    wire.sendCopyFail("the backup could not be read");
    await done.catch(() => {});
    throw error;
  }
  if (!refused) wire.endCopyFrom();
  return await done;
}

async function drained({ stream }: Wire, done: Promise<number>): Promise<void> {
  let hear = () => {};
  const drain = new Promise<void>((resolve) => {
    hear = resolve;
    stream.once("drain", hear);
    stream.once("close", hear);
  });
  await Promise.race([drain, done.catch(() => {})]);
  stream.off("drain", hear);
  stream.off("close", hear);
}

function createCopyIn(statement: string) {
  const open = Promise.withResolvers<Wire>();
  const end = Promise.withResolvers<number>();
  end.promise.catch(() => {});
  let rows = 0;
  const submittable = {
    submit: (connection: Connection) => connection.query(statement),
    handleCopyInResponse: (connection: Connection) => open.resolve(connection as Wire),
    handleCommandComplete({ text }: { text: string }) {
      rows = Number(/^COPY (\d+)/.exec(text)?.[1] ?? 0);
    },
    handleError: end.reject,
    handleReadyForQuery: () => end.resolve(rows),
  };
  return { submittable, opened: open.promise, done: end.promise };
}
