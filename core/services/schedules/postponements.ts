// Schedules that this process leaves alone for a while: they would not fire, and asking every tick costs the others.

export type Postponements = {
  has(id: string): boolean;
  add(id: string, ms: number): void;
  end(id: string): void;
};

const MOST = 100_000;

export function createPostponements(now: () => number = performance.now.bind(performance)): Postponements {
  const until = new Map<string, number>();
  return {
    has(id) {
      const end = until.get(id);
      if (end === undefined) return false;
      if (end > now()) return true;
      until.delete(id);
      return false;
    },
    end: (id) => void until.delete(id),
    add(id, ms) {
      until.delete(id);
      until.set(id, now() + ms);
      if (until.size > MOST) until.delete(until.keys().next().value as string);
    },
  };
}
