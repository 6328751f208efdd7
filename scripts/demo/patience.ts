// Patience with a server that is down: tries again with growing pauses, two minutes at most, and says so once.
import { setTimeout as sleep } from "node:timers/promises";

const patienceMs = 120_000;
const firstPauseMs = 200;
const longestPauseMs = 3_000;

/** The server is away or overloaded; the same request may succeed later. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

export type Patience = {
  /** Repeats `attempt` while it throws Unreachable. Throws the last fault once the server was silent for too long. */
  until<Result>(attempt: () => Promise<Result>): Promise<Result>;
};

export function createPatience(say: (line: string) => void): Patience {
  return {
    async until(attempt) {
      let since: number | null = null;
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
        try {
          const result = await attempt();
          if (since !== null)
            say(`  … the server is back after ${((Date.now() - since) / 1000).toFixed(1)} s`);
          return result;
        } catch (error) {
          if (!(error instanceof Unreachable)) throw error;
          if (since === null) say(`  … ${error.message}; trying again for up to two minutes`);
          since ??= Date.now();
          if (Date.now() - since > patienceMs) throw error;
          await sleep(pauseMs);
        }
      }
    },
  };
}
