// How well one number tells two kinds apart.

/** The chance that a sample of `b` is greater than one of `a`, ties half: 0.5 tells nothing, 0 and 1 everything. */
export function rocAuc(a: readonly number[], b: readonly number[]): number {
  let wins = 0;
  for (const right of b) {
    for (const left of a) wins += right > left ? 1 : right === left ? 0.5 : 0;
  }
  return wins / (a.length * b.length);
}
