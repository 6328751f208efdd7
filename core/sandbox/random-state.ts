// Where pinned chance starts: numbers that depend on a text and on nothing else.

/** A 32-bit state from a text, by FNV-1a. */
export function createRandomState(seed: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) state = Math.imul(state ^ seed.charCodeAt(i), 0x01000193);
  return state;
}
