// What PostgreSQL and the network say when a statement fails, in words that mean something to callers.
import { AppError } from "../domain/app-error.ts";

// Class 08 connection, 53 resources, 57P operator intervention, 40 serialisation, 57014 statement timeout,
// 55P03 lock timeout, 25P03 idle, 25006 a standby that only reads.
const UNAVAILABLE = /^(08|53|57P|57014|40|55P03|25P03|25006)/;
/** Those of them that may be the fault of what was asked. 53300 is not: no connection is left. */
const IN_QUESTION = /^(53(?!300)|57014|40|55P03)/;
const NETWORK = new Set(
  "ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH".split(" "),
);
const NO_ANSWER = "Query read timeout";
const LOST = new RegExp(`Connection terminated|timeout exceeded when trying|not queryable|${NO_ANSWER}`);

/** The server said nothing at all: a rollback would wait as long again. */
export function isSilent(error: unknown): boolean {
  return error instanceof AppError && error.cause instanceof Error && error.cause.message === NO_ANSWER;
}

/** It is the connection or the whole server, not what was asked of it: everybody's next statement fares no better. */
export function isDatabaseAway(error: unknown): boolean {
  const code = unavailableCode(error);
  return code !== null && !IN_QUESTION.test(code);
}

/** Somebody else holds what the statement needed, or the two were in each other's way. */
export function isInOthersHands(error: unknown): boolean {
  return /^(55P03|40)/.test(unavailableCode(error) ?? "");
}

/** Two transactions were in each other's way, and this one gave way: tried again, with less in its hands, it may well pass. */
export function isDeadlock(error: unknown): boolean {
  return /^40/.test(unavailableCode(error) ?? "");
}

/** null: the database is there; "": it said nothing. */
function unavailableCode(error: unknown): string | null {
  if (!(error instanceof AppError) || error.code !== "database_unavailable") return null;
  const { cause } = error;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}

/** The server broke the statement off because it took too long (30 s, in firing 10 s or 0.5 s): it is there, and may say so for ever. */
export function isStatementTimeout(error: unknown): boolean {
  return (
    error instanceof AppError &&
    error.cause instanceof Error &&
    "code" in error.cause &&
    error.cause.code === "57014"
  );
}

/** By row-level security: in a workspace that was the person's when the request came in. */
export function isRefusedRow(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "42501";
}

/** An AppError where there is one that fits, else the error itself. */
export function translateError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (UNAVAILABLE.test(code) || NETWORK.has(code) || LOST.test(error.message)) {
    return new AppError("database_unavailable", "The database does not answer, try again", {
      retryable: true,
      cause: error,
    });
  }
  // 22P02, 22P05, 22021: text PostgreSQL cannot hold, such as a NUL character or a lone surrogate.
  if (/^22(P02|P05|021)/.test(code)) {
    return new AppError("invalid_text", "The data holds text that cannot be stored", { cause: error });
  }
  // What the trigger remember_editor raises.
  if (code === "ZA005") {
    const detail = "A hundred people have changed this already, who are all remembered: make a new one";
    return new AppError("too_many_editors", detail, { cause: error });
  }
  return error;
}
