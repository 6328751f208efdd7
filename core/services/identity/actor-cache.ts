// Remembers for a few seconds who a session or an API key belongs to: a busy client costs one look-up, not hundreds.
import type { Actor } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import type { ExecutionSignals } from "../../persistence/executions/execution-signals.ts";

export type ActorCache = {
  /**
   * The cached actor, or what `load` gives; requests that come at the same time share one load. `name` is a
   * session's id, or whatever else names one bearer and cannot be mistaken for a session.
   */
  get(name: string, load: () => Promise<Actor>): Promise<Actor>;
  /** Everything known of a person, whichever session or key spoke; announceIdentityChange leads to it. */
  forgetUser(userId: string): void;
  forgetAll(): void;
};

export type ActorCacheOptions = {
  /** How stale an answer may be when no announcement of a change came through; 0 looks up every time. */
  maxAgeMs?: number | undefined;
  maxEntries?: number;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
};

const MAX_AGE_MS = 5_000;

/** `userId` is null until the load has answered. */
type Entry = { actor: Promise<Actor>; userId: string | null; until: number };

export function createActorCache(options: ActorCacheOptions = {}): ActorCache {
  const { maxAgeMs = MAX_AGE_MS, maxEntries = 10_000, now = () => performance.now() } = options;
  const entries = new Map<string, Entry>();

  return {
    get(name, load) {
      const cached = entries.get(name);
      if (cached && now() < cached.until) return cached.actor;
      entries.delete(name);
      const askedAt = now();
      const entry: Entry = { actor: load(), userId: null, until: askedAt + maxAgeMs };
      entries.set(name, entry);
      // Keys stay in the order they came, so the first is the oldest.
      const [oldest] = entries.keys();
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
      entry.actor.then(
        ({ userId, memberships }) => {
          entry.userId = userId;
          // Counted from before the look-up: never too long, whatever the difference of the clocks.
          for (const { end } of memberships) if (end) entry.until = Math.min(entry.until, askedAt + end.inMs);
        },
        // A failure is nobody's answer but the one who asked.
        () => {
          if (entries.get(name) === entry) entries.delete(name);
        },
      );
      return entry.actor;
    },
    forgetUser(userId) {
      for (const [name, entry] of entries) {
        // A look-up under way may have read before the change, and nobody knows yet whose it is.
        if (entry.userId === userId || entry.userId === null) entries.delete(name);
      }
    },
    forgetAll: () => entries.clear(),
  };
}

/** Forgets what is announced here or elsewhere; what was announced while nobody listened may be anything. */
export function followIdentityChanges(
  {
    database,
    signals,
  }: { database: Pick<Database, "onIdentityChange">; signals: Pick<ExecutionSignals, "onIdentityChange"> },
  actors: ActorCache,
): void {
  database.onIdentityChange((userId) => actors.forgetUser(userId));
  signals.onIdentityChange((userId) => (userId === null ? actors.forgetAll() : actors.forgetUser(userId)));
}
