// So many bytes for all who load at once; who does not fit waits for its turn, in the order of asking.
import { AppError } from "#core/domain/app-error.ts";

export type Grant = {
  /** Gives back what turned out not to be needed. */
  shrink(bytes: number): void;
  release(): void;
};

export type ByteBudget = {
  /**
   * Resolves when so many bytes are free; more than there are at all is taken as all. Rejects with the reason of `signal`,
   * or with `budget_busy` after `patienceMs`.
   */
  take(bytes: number, signal: AbortSignal, patienceMs: number): Promise<Grant>;
};

export function createByteBudget(total: number): ByteBudget {
  let free = total;
  const waiting: { bytes: number; admit: () => void }[] = [];
  const give = (bytes: number) => {
    free += bytes;
    for (let next = waiting[0]; next && next.bytes <= free; next = waiting[0]) {
      waiting.shift();
      free -= next.bytes;
      next.admit();
    }
  };
  const grantOf = (taken: number): Grant => {
    let held = taken;
    const shrink = (bytes: number) => {
      const left = Math.min(held, bytes);
      const back = held - left;
      held = left;
      give(back);
    };
    return { shrink, release: () => shrink(0) };
  };

  return {
    async take(asked, signal, patienceMs) {
      signal.throwIfAborted();
      const bytes = Math.min(asked, total);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const entry = { bytes, admit: resolve };
      const leave = (reason: Error) => {
        const place = waiting.indexOf(entry);
        if (place >= 0) waiting.splice(place, 1);
        reject(reason);
        give(0);
      };
      const onAbort = () => leave(signal.reason);
      const timer = setTimeout(() => leave(new AppError("budget_busy", "No room to load it")), patienceMs);
      signal.addEventListener("abort", onAbort, { once: true });
      waiting.push(entry);
      give(0);
      try {
        await promise;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      }
      return grantOf(bytes);
    },
  };
}
