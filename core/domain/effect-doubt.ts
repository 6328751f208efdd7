// What an error says about the effect behind it: whether it may have taken place without anybody knowing.
import { AppError } from "./app-error.ts";

/** The code of an effect in doubt where no other says more: a commit without an answer, a node that was broken off. */
export const EFFECT_IN_DOUBT = "effect_in_doubt";

/**
 * Whether nobody knows if the effect of an `effectful` node took place. The node says so by the error's `inDoubt`. One
 * that says nothing is believed only where nothing follows by itself: what may be tried again is in doubt, and so is
 * what is no error of ours.
 */
export function leavesDoubt(error: unknown): boolean {
  if (!(error instanceof AppError)) return true;
  return error.inDoubt ?? (error.retryable || error.code === EFFECT_IN_DOUBT);
}

/** The same error with a word on the effect; what is no error of ours is left as it is, and so in doubt. */
export function withDoubt(error: unknown, inDoubt: boolean): unknown {
  if (!(error instanceof AppError) || error.inDoubt === inDoubt) return error;
  const { code, message, retryable, problems, details, subjectId } = error;
  const given = { retryable, problems, details, inDoubt, cause: error.cause };
  return new AppError(code, message, { ...given, ...(subjectId === null ? {} : { subjectId }) });
}

/** For what a node does before its effect begins: whatever it rejects with, an abort too, nothing has left. */
export async function beforeEffect<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AppError) throw withDoubt(error, false);
    const message = error instanceof Error ? error.message : String(error);
    throw new AppError("node_failed", message, { inDoubt: false, cause: error });
  }
}
