// ENCRYPTION_KEYS as text, `id:secret,…`: a key put first, keys taken out.
import { randomBytes } from "node:crypto";

/** With a fresh key in front, named one above the highest k<number>. */
export function withNewKey(keys: string): string {
  const numbers = idsOf(keys).map((id) => Number(/^k(\d+)$/.exec(id)?.[1] ?? 0));
  return `k${Math.max(...numbers) + 1}:${randomBytes(32).toString("base64url")},${keys}`;
}

export function withoutKeys(keys: string, ids: readonly string[]): string {
  return keys
    .split(",")
    .filter((entry) => !ids.includes(idOf(entry)))
    .join(",");
}

/** In their order: the first is the current one. */
export function idsOf(keys: string): string[] {
  return keys.split(",").map(idOf);
}

function idOf(entry: string): string {
  return entry.slice(0, entry.indexOf(":")).trim();
}
