// Whether two JSON values say the same.

/** Order of keys does not matter, a member that is undefined counts as absent. Prototypes are not looked at. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || (a === 0 && b === 0)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((element, index) => jsonEqual(element, b[index]));
  }
  const left = presentMembers(a);
  const right = presentMembers(b);
  if (left.size !== right.size) return false;
  for (const [key, member] of left) {
    if (!right.has(key) || !jsonEqual(member, right.get(key))) return false;
  }
  return true;
}

/** A Map, because a key may be called `__proto__`. */
export function presentMembers(value: object): Map<string, unknown> {
  return new Map(Object.entries(value).filter(([, member]) => member !== undefined));
}
