// Chance that can be repeated: the same seed draws the same numbers.

export type Random = {
  seed: number;
  /** From 0 inclusive to 1 exclusive. */
  next(): number;
  /** Whole, both ends included. */
  between(low: number, high: number): number;
  /** One of a list that has some. */
  pick<Item>(items: readonly Item[]): Item;
};

/** FAULT_SEED, else a new one: whoever draws prints it. */
export function chooseSeed(): number {
  const given = Number(process.env.FAULT_SEED);
  return Number.isInteger(given) && given > 0 ? given : 1 + Math.floor(Math.random() * 2 ** 31);
}

/** A linear congruence of 48 bits, as drand48 has it: good enough to choose instants with. */
export function createRandom(seed: number): Random {
  const mask = (1n << 48n) - 1n;
  let state = ((BigInt(seed) << 16n) + 0x330en) & mask;
  const next = () => {
    state = (state * 0x5deece66dn + 0xbn) & mask;
    return Number(state) / 2 ** 48;
  };
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    seed,
    next,
    between,
    pick<Item>(items: readonly Item[]) {
      return items[between(0, items.length - 1)] as Item;
    },
  };
}
