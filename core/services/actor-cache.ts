// Remembers for a few seconds who a session belongs to, so that a busy client costs one look-up, not hundreds.
import type { Actor } from "../domain/roles.ts";

export type ActorCache = {
  /** The cached actor, or what `load` gives; requests that come at the same time share one load. */
  get(sessionId: string, load: () => Promise<Actor>): Promise<Actor>;
  forget(sessionId: string): void;
};

export type ActorCacheOptions = {
  /** How stale an answer may be: a change made by another process takes effect within this time. */
  maxAgeMs: number;
  maxEntries?: number;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
};

export function createActorCache(options: ActorCacheOptions): ActorCache {
  const { maxAgeMs, maxEntries = 10_000, now = () => performance.now() } = options;
  const entries = new Map<string, { actor: Promise<Actor>; until: number }>();

  return {
    get(sessionId, load) {
      const cached = entries.get(sessionId);
      if (cached && now() < cached.until) return cached.actor;
      entries.delete(sessionId);
      const actor = load();
      const entry = { actor, until: now() + maxAgeMs };
      entries.set(sessionId, entry);
      // Keys stay in the order they came, so the first is the oldest.
      const [oldest] = entries.keys();
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
      // A failure is nobody's answer but the one who asked.
      actor.catch(() => {
        if (entries.get(sessionId) === entry) entries.delete(sessionId);
      });
      return actor;
    },
    forget: (sessionId) => void entries.delete(sessionId),
  };
}
