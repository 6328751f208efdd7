// Percentiles of samples.

/** The smallest sample that is not below `percent` of all. Throws on none. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const found = sorted[Math.max(Math.ceil((percent / 100) * sorted.length) - 1, 0)];
  if (found === undefined) throw new Error("no samples");
  return found;
}
