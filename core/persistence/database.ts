// Pools that speak as one run-time role, and transactions that speak for verified people.
import pg from "pg";
import { AppError } from "../domain/app-error.ts";
import { type Sql, sql } from "./sql.ts";

export type RuntimeRole = "atelier_api" | "atelier_worker" | "atelier_scheduler";

/** Where statements go: the pool (each on its own) or one transaction. */
export type Executor = {
  /** All rows; columns are aliased to the domain's names, so a row is the domain type. */
  many<Row>(statement: Sql): Promise<Row[]>;
  /** The first row or null. */
  one<Row>(statement: Sql): Promise<Row | null>;
  /** The number of rows touched. */
  run(statement: Sql): Promise<number>;
};

/** In whose name a transaction runs; row-level security sees exactly this. */
export type Principals = { userId?: string; workspaceIds: readonly string[] };

export type Database = Executor & {
  /** Commits what `work` did, rolls back when it throws. */
  transaction<Result>(principals: Principals, work: (tx: Executor) => Promise<Result>): Promise<Result>;
  /** A connection of its own for LISTEN and session locks; the caller ends it. */
  connect(name: string): Promise<pg.Client>;
  close(): Promise<void>;
};

export type DatabaseOptions = {
  databaseUrl: string;
  role: RuntimeRole;
  maxConnections?: number;
  /** After so long an answer is given up and the connection with it; default 35 s. */
  queryTimeoutMs?: number;
  onError?: (error: Error) => void;
};

// A little above the server's own limit: it only ends waits for a server that has vanished without a word.
const QUERY_TIMEOUT_MS = 35_000;

export const NOBODY: Principals = { workspaceIds: [] };

// Timestamps leave as ISO strings and bigints as numbers: rows go into JSON as they are.
const typeParsers = new pg.TypeOverrides();
typeParsers.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text: string) => new Date(text).toISOString());
typeParsers.setTypeParser(pg.types.builtins.INT8, Number);

export function createDatabase(options: DatabaseOptions): Database {
  const { role, onError = () => {} } = options;
  const config: pg.ClientConfig = {
    connectionString: options.databaseUrl,
    options: `-c role=${role}`,
    types: typeParsers,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    query_timeout: options.queryTimeoutMs ?? QUERY_TIMEOUT_MS,
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
  };
  const pool = new pg.Pool({
    ...config,
    application_name: role,
    max: options.maxConnections ?? 10,
    idleTimeoutMillis: 60_000,
  });
  pool.on("error", onError);
  return {
    ...executorOf(pool),
    transaction: (principals, work) => runTransaction(pool, principals, work),
    async connect(name) {
      const client = new pg.Client({ ...config, application_name: `${role}-${name}`, statement_timeout: 0 });
      client.on("error", onError);
      await client.connect();
      return client;
    },
    close: () => pool.end(),
  };
}

/** Wraps a pool or client; errors of PostgreSQL come out as AppErrors where they mean something to callers. */
export function executorOf(queryable: Pick<pg.ClientBase, "query">): Executor {
  const query = async (statement: Sql) => {
    try {
      return await queryable.query({ text: statement.text, values: statement.values });
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    many: async <Row>(statement: Sql) => (await query(statement)).rows as Row[],
    one: async <Row>(statement: Sql) => ((await query(statement)).rows[0] as Row | undefined) ?? null,
    run: async (statement) => (await query(statement)).rowCount ?? 0,
  };
}

async function runTransaction<Result>(
  pool: pg.Pool,
  principals: Principals,
  work: (tx: Executor) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translate(error);
  });
  let broken: Error | undefined;
  // The pool listens to idle clients only: without this a connection that dies in the middle ends the process.
  const onBroken = (error: Error) => {
    broken = error;
  };
  client.on("error", onBroken);
  try {
    const tx = executorOf(client);
    await tx.run(sql`begin`);
    await tx.run(sql`select set_config('app.user_id', ${principals.userId ?? ""}, true),
      set_config('app.workspace_ids', ${`{${principals.workspaceIds.join(",")}}`}, true)`);
    const result = await work(tx);
    await tx.run(sql`commit`);
    return result;
  } catch (error) {
    if (isSilent(error)) broken = error as Error;
    else await client.query("rollback").catch(onBroken);
    throw error;
  } finally {
    client.removeListener("error", onBroken);
    client.release(broken);
  }
}

// Class 08 connection, 53 resources, 57P operator intervention, 40 serialisation, 57014 statement timeout,
// 55P03 lock timeout, 25P03 idle, 25006 a standby that only reads.
const UNAVAILABLE = /^(08|53|57P|57014|40|55P03|25P03|25006)/;
const NETWORK = new Set(
  "ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH".split(" "),
);
const NO_ANSWER = "Query read timeout";
const LOST = new RegExp(`Connection terminated|timeout exceeded when trying|not queryable|${NO_ANSWER}`);

/** The server said nothing at all: a rollback would wait as long again. */
function isSilent(error: unknown): boolean {
  return error instanceof AppError && error.cause instanceof Error && error.cause.message === NO_ANSWER;
}

function translate(error: unknown): unknown {
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
  return error;
}
