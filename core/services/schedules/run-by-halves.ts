// Work on many things at once in which one bad one does not hold up its neighbours.

/**
 * When `work` fails on several of them it is tried on each half; `onBad` is told of the one that fails alone. What
 * `isShared` says of an error concerns all of them, and is thrown.
 */
export async function runByHalves<Item>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<void>,
  {
    isShared,
    onBad,
  }: { isShared(error: unknown): boolean; onBad(item: Item, error: unknown): Promise<void> },
): Promise<void> {
  const [first] = items;
  if (first === undefined) return;
  try {
    await work(items);
  } catch (error) {
    if (isShared(error)) throw error;
    if (items.length === 1) return onBad(first, error);
    const half = Math.ceil(items.length / 2);
    await runByHalves(items.slice(0, half), work, { isShared, onBad });
    await runByHalves(items.slice(half), work, { isShared, onBad });
  }
}
