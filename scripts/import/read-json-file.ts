// Reads one JSON file of the old Studio, whatever editor wrote it, or says where it is broken.
import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { cleanText } from "./clean-text.ts";
import { findJsonFault, type JsonFault, type JsonPath, lineOfPath } from "./scan-json.ts";

export type JsonFile = {
  value: unknown;
  /** Characters that PostgreSQL cannot hold (NUL, half surrogate pairs) and were replaced. */
  replaced: number;
  lineOf(path: JsonPath): number;
};

// The whole file is in memory some four times while it is read.
const MAX_BYTES = 64 * 1024 * 1024;

export async function readJsonFile(absolute: string, size: number): Promise<JsonFile | JsonFault> {
  if (size > MAX_BYTES) return { line: 0, reason: "the file is bigger than 64 MB" };
  let bytes: Buffer;
  try {
    bytes = await readFile(absolute);
  } catch (error) {
    return { line: 0, reason: `the file cannot be opened (${(error as NodeJS.ErrnoException).code})` };
  }
  return parseJsonBytes(bytes);
}

/** UTF-8 with or without byte order mark, UTF-16 with one. */
export function parseJsonBytes(bytes: Buffer): JsonFile | JsonFault {
  if (bytes.length === 0) return { line: 0, reason: "the file is empty" };
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  if (!isUtf16 && !isUtf8(bytes))
    return { line: firstBrokenLine(bytes), reason: "the text is not valid UTF-8" };
  const text = bytes.toString(isUtf16 ? "utf16le" : "utf8").replace(/^\uFEFF/, "");
  const fault = findJsonFault(text);
  if (fault) return fault;
  const { value, replaced } = cleanText(JSON.parse(text));
  return { value, replaced, lineOf: (path) => lineOfPath(text, path) };
}

function firstBrokenLine(bytes: Buffer): number {
  for (let line = 1, start = 0; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
