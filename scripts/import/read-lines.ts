// Streams a text file line by line in bytes, so that a file of any size and with any bytes in it can be read.
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";

/** Either the text of the line without its end, or why it has none. `line` is 1-based. */
export type Line = { line: number; text: string } | { line: number; fault: string };

// A longer line is no log entry; it is skipped without being kept in memory.
const MAX_LINE_BYTES = 1_048_576;
const BYTE_ORDER_MARK = "\uFEFF";

export async function* readLines(absolute: string): AsyncGenerator<Line> {
  let line = 1;
  let pieces: Buffer[] = [];
  let size = 0;
  const finish = (): Line => {
    const done = toLine(line, pieces, size);
    line += 1;
    pieces = [];
    size = 0;
    return done;
  };
  const add = (piece: Buffer) => {
    size += piece.length;
    if (size <= MAX_LINE_BYTES) pieces.push(piece);
  };
  for await (const chunk of createReadStream(absolute) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      add(chunk.subarray(start, end));
      yield finish();
      start = end + 1;
    }
    add(chunk.subarray(start));
  }
  if (size > 0) yield finish();
}

function toLine(line: number, pieces: readonly Buffer[], size: number): Line {
  if (size > MAX_LINE_BYTES) return { line, fault: "the line is longer than 1 MB" };
  const bytes = Buffer.concat(pieces);
  if (!isUtf8(bytes)) return { line, fault: "the line is not valid UTF-8" };
  const text = bytes.toString().replace(/\r$/, "");
  return { line, text: line === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text };
}
