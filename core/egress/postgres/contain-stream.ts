// Walls around what a database sends: an answer may be hostile, and the driver reads it inside the worker.
import type { Socket } from "node:net";
import { AppError } from "#core/domain/app-error.ts";
import { MAX_OUTPUT_BYTES } from "#core/domain/execution.ts";

/** What fits into an output is never more than this on the wire: text is shorter than its JSON, but for odd white space. */
const MAX_RECEIVED_BYTES = 4 * MAX_OUTPUT_BYTES;

/**
 * Destroys the stream with `output_too_large` once too much has come, and with `sql_bad_answer` when a listener throws:
 * a message whose lengths lie makes the driver's parser throw, which in an event would end the process.
 */
export function containStream(stream: Socket): void {
  const emit = stream.emit.bind(stream);
  let received = 0;
  const contained = (event: string, ...given: unknown[]): boolean => {
    if (event !== "data") return emit(event, ...given);
    received += (given[0] as Buffer).length;
    if (received > MAX_RECEIVED_BYTES) {
      stream.destroy(resultTooLarge());
      return true;
    }
    try {
      return emit(event, ...given);
    } catch (cause) {
      stream.destroy(new AppError("sql_bad_answer", "The server's answer is no PostgreSQL", { cause }));
      return true;
    }
  };
  Object.defineProperty(stream, "emit", { value: contained });
}

/** Gives the driver, which connects by itself, a stream that is connected already. */
export function asUnconnected(stream: Socket): Socket {
  const connect = (): Socket => {
    process.nextTick(() => stream.emit("connect"));
    return stream;
  };
  return Object.defineProperty(stream, "connect", { value: connect });
}

export function resultTooLarge(): AppError {
  const message = `The result is larger than ${MAX_OUTPUT_BYTES} bytes, the most a node may put out; ask for less of it`;
  return new AppError("output_too_large", message, { details: { limit: MAX_OUTPUT_BYTES } });
}
