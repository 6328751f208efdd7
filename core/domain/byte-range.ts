// One byte range of a download, after RFC 9110 section 14.

/** First and last byte, both inclusive. */
export type ByteRange = { start: number; end: number };

/**
 * null: send the whole (no range, several ranges, another unit or nonsense, all of which may be ignored);
 * "unsatisfiable": the range begins behind the end.
 */
export function parseByteRange(header: string | undefined, size: number): ByteRange | null | "unsatisfiable" {
  // Numbers of any length: behind the precision of doubles every one is behind the end of any file.
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/.exec(header ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return null;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Number(last);
  if (last !== "" && end < start) return null;
  return start >= size ? "unsatisfiable" : { start, end: Math.min(end, size - 1) };
}
