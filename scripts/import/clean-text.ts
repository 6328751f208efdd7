// Makes values storable: jsonb holds neither NUL nor half of a surrogate pair.

/** A copy of a JSON value with U+FFFD in their place, and how many texts and keys were changed. */
export function cleanText(value: unknown): { value: unknown; replaced: number } {
  let replaced = 0;
  const text = (before: string): string => {
    if (!before.includes("\u0000") && before.isWellFormed()) return before;
    replaced += 1;
    return before.toWellFormed().replaceAll("\u0000", "\uFFFD");
  };
  const copy = (part: unknown): unknown => {
    if (typeof part === "string") return text(part);
    if (Array.isArray(part)) return part.map(copy);
    if (typeof part !== "object" || part === null) return part;
    // fromEntries defines members, so that a key `__proto__` stays a key.
    return Object.fromEntries(Object.entries(part).map(([key, member]) => [text(key), copy(member)]));
  };
  return { value: copy(value), replaced };
}
