// A canary on a timer: whether this process can do its work is known before anybody asks.
const PROBE_EVERY_MS = 3_000;
/** A canary that hangs for so many turns is as bad as one that fails. */
const STALE_TURNS = 3;

export type Readiness = {
  /** False before the first good probe, while the canary fails or hangs, and after `stop`. */
  isReady(): boolean;
  stop(): void;
};

/** Probes at once, resolving with the first answer known, then every 3 s until stopped. */
export async function startReadiness(
  probe: () => Promise<unknown>,
  onChange: (ready: boolean, error?: unknown) => void,
  probeEveryMs = PROBE_EVERY_MS,
): Promise<Readiness> {
  let ready = false;
  let answeredAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const check = async () => {
    const [error] = await probe().then(
      () => [undefined],
      (failure: unknown) => [failure ?? new Error("the canary failed")],
    );
    const now = error === undefined;
    if (now !== ready) onChange(now, error);
    ready = now;
    answeredAt = performance.now();
    if (!stopped) timer = setTimeout(check, probeEveryMs).unref();
  };
  await check();
  return {
    isReady: () => ready && !stopped && performance.now() - answeredAt < STALE_TURNS * probeEveryMs,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
