// How much memory a value from a journal takes: short JSON may become many times its length.

/** What V8 spends on an empty object, and on each entry of an object or array, in bytes: estimates, rather too much. */
const OBJECT = 56;
const ENTRY = 16;
const TEXT = 24;

/** Bytes of heap, about; a text counts twice its length, as if no letter of it were Latin. */
export function weighJson(value: unknown): number {
  let bytes = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    bytes += ENTRY;
    if (typeof next === "string") bytes += TEXT + 2 * next.length;
    if (typeof next !== "object" || next === null) continue;
    bytes += OBJECT;
    if (Array.isArray(next)) {
      for (const item of next) open.push(item);
      continue;
    }
    for (const [key, item] of Object.entries(next)) {
      bytes += 2 * key.length;
      open.push(item);
    }
  }
  return bytes;
}
