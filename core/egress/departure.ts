// Whether anything of a request has left this machine: what an error says about the effect hangs on it.
import type { Dispatcher } from "undici";
import { AppError } from "#core/domain/app-error.ts";
import { withDoubt } from "#core/domain/effect-doubt.ts";

/** A request with its redirects; once a hop has gone out, nobody can say that nothing has. */
export type Trip = { hasLeft: boolean };

/** Failures in which an answer may be lost; all others are answers, or refusals of our own. */
const LOST_ANSWERS = new Set(["timeout", "egress_connection_failed"]);

/** Notes the instant before the first byte is handed to a connection that stands. */
export function noteDeparture(trip: Trip): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart(controller, context) {
        handler.onRequestStart?.(controller, context);
        // What was aborted while it waited for its connection is not written to it.
        if (!controller.aborted) trip.hasLeft = true;
      },
      onResponseStart: (...given) => handler.onResponseStart?.(...given),
      onResponseData: (...given) => handler.onResponseData?.(...given),
      onResponseEnd: (...given) => handler.onResponseEnd?.(...given),
      onResponseError: (...given) => handler.onResponseError?.(...given),
    });
}

/** undici hears of an abort only when the connection stands; until then nothing has left, and nobody need wait. */
export async function unlessAbandoned<Answer>(
  answer: Promise<Answer>,
  trip: Trip,
  signal: AbortSignal,
): Promise<Answer> {
  const { promise: abandoned, reject } = Promise.withResolvers<never>();
  const onAbort = () => !trip.hasLeft && reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([answer, abandoned]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The error with what is known of the effect. */
export function afterTrip(error: unknown, { hasLeft }: Trip, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted && error === signal.reason) return hasLeft ? error : withDoubt(error, false);
  if (!(error instanceof AppError)) return error;
  if (!hasLeft) return error.retryable ? withDoubt(error, false) : error;
  return LOST_ANSWERS.has(error.code) ? withDoubt(error, true) : error;
}
