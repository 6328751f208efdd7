// An effect that must not be repeated and was broken off: a short time to learn what became of it.
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#core/domain/app-error.ts";
import { EFFECT_IN_DOUBT, leavesDoubt } from "#core/domain/effect-doubt.ts";
import type { NodeOutcome } from "#core/domain/node.ts";

/** Long enough for a commit that is under way; a stopping worker has 5 s left. */
const SETTLE_MS = 2_000;

type Settled = { outcome: NodeOutcome } | { error: unknown } | null;

/**
 * Resolves to the outcome that came in time, rejects with the failure that did when it is definitive; else with
 * `effect_in_doubt`. After a lost lease nobody may write it down, so nobody waits.
 */
export async function settleEffect(work: Promise<NodeOutcome>, reason: unknown): Promise<NodeOutcome> {
  if (reason instanceof AppError && reason.code === "lease_lost") throw reason;
  const patience = new AbortController();
  const settled = await Promise.race<Settled>([
    work.then(
      (outcome) => ({ outcome }),
      (error: unknown) => ({ error }),
    ),
    delay(SETTLE_MS, null, { signal: patience.signal }).catch(() => null),
  ]);
  patience.abort();
  if (settled && "outcome" in settled) return settled.outcome;
  // The reason thrown back says nothing: it was the engine's own word.
  if (settled && settled.error !== reason && !leavesDoubt(settled.error)) throw settled.error;
  const why = reason instanceof Error ? reason.message : String(reason);
  const doubt = `It was broken off before its answer came (${why}); nobody knows whether it took place`;
  throw new AppError(EFFECT_IN_DOUBT, doubt, { inDoubt: true, cause: reason });
}
