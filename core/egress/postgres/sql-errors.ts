// What went wrong at a database, in the few codes callers know; the server's own words and SQLSTATE are kept.
import pg from "pg";
import { AppError } from "#core/domain/app-error.ts";
import { timeoutError, toEgressError } from "../egress-errors.ts";

// Invalid authorization of every kind: a wrong password, a role that may not sign in.
const AUTHENTICATION = /^28/;
// statement_timeout, and the limits for sessions that stand idle in a transaction.
const TIMEOUTS = new Set(["57014", "25P03", "25P04"]);
const READ_ONLY = "25006";
// Conflicts with others, a server that is full, stopping or starting: the same statement may succeed next time.
const TRANSIENT = new Set([
  "40001",
  "40003",
  "40P01",
  "53200",
  "53300",
  "53400",
  "55P03",
  "57P01",
  "57P02",
  "57P03",
]);

/** Whatever `error` is, an AppError that holds neither URL nor password. */
export function toSqlError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof pg.DatabaseError) return ofServer(error);
  const message = error instanceof Error ? error.message : "";
  if (/^SASL|password must be/i.test(message)) {
    return new AppError(
      "sql_auth_failed",
      "The server does not take the way of signing in, or no password is given",
    );
  }
  if (message.startsWith("Connection terminated")) {
    return new AppError("egress_connection_failed", "The server closed the connection", { retryable: true });
  }
  return toEgressError(error);
}

function ofServer(error: pg.DatabaseError): AppError {
  const { code: sqlstate = "XX000", message } = error;
  if (TIMEOUTS.has(sqlstate)) return timeoutError(`The server stopped the statement: ${message}`);
  const details = { sqlstate, ...factsOf(error) };
  if (AUTHENTICATION.test(sqlstate)) return new AppError("sql_auth_failed", message, { details });
  if (sqlstate === READ_ONLY) {
    const advice = `${message}; set the mode of the node to write if it should change the database`;
    return new AppError("sql_read_only", advice, { details });
  }
  const retryable = TRANSIENT.has(sqlstate);
  return new AppError("sql_error", `${message} (SQLSTATE ${sqlstate})`, { retryable, details });
}

function factsOf({ detail, hint, position, schema, table, column, constraint }: pg.DatabaseError) {
  const facts = { detail, hint, position: position && Number(position), schema, table, column, constraint };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined && value !== ""));
}
