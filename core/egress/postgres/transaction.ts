// The transaction around one statement: what the server is told before, and what must be known for sure after.
import pg from "pg";
import { AppError } from "#core/domain/app-error.ts";
import { checkJsonText } from "#core/domain/check-json.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import { EFFECT_IN_DOUBT } from "#core/domain/effect-doubt.ts";
import { MAX_OUTPUT_BYTES } from "#core/domain/execution.ts";
import type { SqlRequest } from "#core/domain/node.ts";
import { resultTooLarge } from "./contain-stream.ts";
import type { PostgresConnection } from "./open-connection.ts";
import { readRows } from "./result-values.ts";
import { runStatement } from "./run-statement.ts";
import { toStatementValue } from "./statement-values.ts";

export type SqlOutput = { rows: Record<string, unknown>[]; rowCount: number };

/** A worker that is stopped in mid-transaction must not hold its locks for long. */
const IDLE_MS = 10_000;
/** How soon a server notices that nobody waits any more. */
const CHECK_MS = 500;
const COMMIT_MS = 10_000;
/** statement_completion_unknown, transaction_resolution_unknown: what databases that are spread out say of a commit. */
const UNRESOLVED = new Set(["40003", "08007"]);

/**
 * Limits first, then forms: results read the same whatever the server's defaults. The last one has the server look for
 * a closed connection while it computes; servers before 14 do not know it, and those on Windows cannot.
 */
const prelude = ({ mode, timeoutMs }: SqlRequest): string => `
  begin transaction read ${mode === "write" ? "write" : "only"};
  set local statement_timeout = ${timeoutMs};
  set local idle_in_transaction_session_timeout = ${IDLE_MS};
  set local client_min_messages = error;
  set local datestyle = 'ISO, YMD';
  set local intervalstyle = 'iso_8601';
  set local timezone = 'UTC';
  set local bytea_output = 'hex';
  select pg_catalog.set_config(name, '${CHECK_MS}', true) from pg_catalog.pg_settings
  where name = 'client_connection_check_interval' and pg_catalog.version() !~* 'msvc|visual c|mingw'`;

/**
 * All of the output has been read and judged when this resolves, and nothing is committed yet. Rejects with
 * `too_many_rows`, `output_too_large`, `invalid_output`, those of `readRows`, or the server's error.
 */
export async function runInTransaction(
  { client }: PostgresConnection,
  request: SqlRequest,
): Promise<SqlOutput> {
  const { query, params, maxRows } = request;
  await client.query(prelude(request));
  const answer = await runStatement(client, { text: query, values: params.map(toStatementValue), maxRows });
  if (answer.rows.length > maxRows) throw tooManyRows(maxRows);
  const output = { rows: readRows(answer), rowCount: answer.rowCount };
  const text = JSON.stringify(output);
  if (Buffer.byteLength(text) > MAX_OUTPUT_BYTES) throw resultTooLarge();
  const [problem] = text.includes("\\u") ? checkJsonText(output, "output") : [];
  if (problem) throw new AppError("invalid_output", `${problem.path}: ${problem.message}`);
  return output;
}

/** Rejects with the server's error when it did not commit, with `effect_in_doubt` when nobody can tell. */
export async function commit({ client, destroy }: PostgresConnection): Promise<void> {
  const timer = setTimeout(destroy, COMMIT_MS);
  try {
    crashPoint("worker.before_sql_commit");
    await client.query("commit");
    crashPoint("worker.after_sql_commit");
  } catch (cause) {
    if (isRefusal(cause)) throw cause;
    throw new AppError(
      EFFECT_IN_DOUBT,
      "The connection was lost while the change was being committed: look into the database whether it is there " +
        "before you run this again",
      { cause, inDoubt: true },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** A session that the server ends may have got its commit to the disk before; so may one of which it says it cannot tell. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError) || error.severity !== "ERROR") return false;
  return !UNRESOLVED.has(error.code ?? "");
}

function tooManyRows(maxRows: number): AppError {
  return new AppError(
    "too_many_rows",
    `The result has more than ${maxRows} rows; ask for less (where, limit), page through it, or raise maxRows (10,000 at most)`,
    { details: { maxRows } },
  );
}
