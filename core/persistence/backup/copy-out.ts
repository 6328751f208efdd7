// COPY … TO STDOUT as a stream: pg knows the protocol's messages but brings no stream for them.
import type { Client, Connection } from "pg";

// Where the reader is behind by so much, the socket waits.
const HIGH_WATER_BYTES = 4 * 1024 * 1024;
const LOW_WATER_BYTES = 1024 * 1024;

/**
 * The rows of `statement` in COPY's text format, one row per newline, in chunks that hold at most a few MB at a time.
 * The client must have no `query_timeout`: a table takes as long as it takes. Rejects with PostgreSQL's error. Whoever stops reading early must end the connection.
 */
export async function* copyOut(client: Client, statement: string): AsyncGenerator<Buffer> {
  const { submittable, queue } = createCopyOut(statement);
  client.query(submittable);
  for (;;) {
    const chunk = await queue.take();
    if (chunk === null) return;
    yield chunk;
  }
}

type Wire = Connection & { stream: { pause(): void; resume(): void } };

function createCopyOut(statement: string) {
  const queue = createQueue();
  const submittable = {
    submit(connection: Connection) {
      queue.attach((connection as Wire).stream);
      connection.query(statement);
    },
    // A copy: the parser writes the next messages over these bytes.
    handleCopyData: ({ chunk }: { chunk: Buffer }) => queue.put(Buffer.from(chunk)),
    handleCommandComplete() {},
    handleError: (error: Error) => queue.end(error),
    handleReadyForQuery: () => queue.end(null),
  };
  return { submittable, queue };
}

function createQueue() {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let ended = false;
  let failure: Error | null = null;
  let paused = false;
  let stream: Wire["stream"] | null = null;
  let wake: (() => void) | null = null;

  const ring = () => {
    wake?.();
    wake = null;
  };
  return {
    attach(socket: Wire["stream"]) {
      stream = socket;
    },
    put(chunk: Buffer) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > HIGH_WATER_BYTES && !paused) {
        paused = true;
        stream?.pause();
      }
      ring();
    },
    end(error: Error | null) {
      failure ??= error;
      ended = true;
      ring();
    },
    /** What has come since the last time, in one piece; null at the end. */
    async take(): Promise<Buffer | null> {
      while (bytes === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      if (failure) throw failure;
      if (bytes === 0) return null;
      const chunk = Buffer.concat(chunks);
      chunks = [];
      bytes = 0;
      if (paused && chunk.length > LOW_WATER_BYTES) {
        paused = false;
        stream?.resume();
      }
      return chunk;
    },
  };
}
