// Numbers equal lines of a log, so that two that are really two stay two.

export type OccurrenceCounter = (digest: string) => number;

/**
 * 0 for the first of its kind, then 1, … Equal lines have equal timestamps and stand close together, so only the last
 * 50,000 to 100,000 kinds are remembered: some 10 MB for a log of any length.
 */
export function createOccurrenceCounter(window = 50_000): OccurrenceCounter {
  let recent = new Map<string, number>();
  let older = new Map<string, number>();
  return (digest) => {
    const seen = recent.get(digest) ?? older.get(digest) ?? 0;
    recent.set(digest, seen + 1);
    if (recent.size >= window) {
      older = recent;
      recent = new Map();
    }
    return seen;
  };
}
