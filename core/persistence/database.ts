// Pools that speak as one run-time role, and transactions that speak for verified people.
import pg from "pg";
import { notFound } from "../domain/roles.ts";
import { SESSION_SETTINGS, startupOptions } from "../domain/session-settings.ts";
import { enterName } from "./enter-name.ts";
import { gatherStatements, type SendStatement } from "./gather-statements.ts";
import { type Sql, sql } from "./sql.ts";
import { isRefusedRow, isSilent, translateError } from "./translate-error.ts";

/** `atelier_rotator` is for the command that rotates keys. */
export type RuntimeRole =
  | "atelier_api"
  | "atelier_worker"
  | "atelier_scheduler"
  | "atelier_rotator"
  | "atelier_admin";

/** Where statements go: the pool (each on its own) or one transaction. */
export type Executor = {
  /** All rows; columns are aliased to the domain's names, so a row is the domain type. */
  many<Row>(statement: Sql): Promise<Row[]>;
  /** The first row or null. */
  one<Row>(statement: Sql): Promise<Row | null>;
  /** The number of rows touched. */
  run(statement: Sql): Promise<number>;
  /** The API key that speaks in this transaction, for the audit log. */
  readonly apiKeyId?: string | undefined;
  /** People whose change this transaction announces, see identity-changes.ts. */
  readonly announced?: Set<string>;
  /**
   * In a transaction: the statement just sent, not yet answered, is its last, and the commit goes out with it. When that
   * statement fails nothing is committed.
   */
  endsHere?(): void;
};

/** In whose name a transaction runs; row-level security sees exactly this. */
export type Principals = {
  userId?: string;
  workspaceIds: readonly string[];
  /** Memberships with an end (ISO 8601): when it has come, their workspace is none of the transaction's. */
  ends?: ReadonlyArray<{ workspaceId: string; at: string }> | undefined;
  apiKeyId?: string | undefined;
};

export type Database = Executor & {
  /** Commits what `work` did, rolls back when it throws. */
  transaction<Result>(principals: Principals, work: (tx: Executor) => Promise<Result>): Promise<Result>;
  /** Calls `hear` with each person a transaction of this process announced: after the commit, before its caller goes on. */
  onIdentityChange(hear: (userId: string) => void): void;
  /** What the pool's connections are doing now. */
  connections(): ConnectionUse;
  /** A connection of its own for LISTEN and session locks; the caller ends it. */
  connect(name: string): Promise<pg.Client>;
  close(): Promise<void>;
};

export type ConnectionUse = { used: number; idle: number; waiting: number; max: number };

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

// PostgreSQL 18.4 gets run-time partition pruning wrong when it looks again at a row that another transaction has
// just changed: a join on it comes out empty, and the server crashed 3 times in 40 loaded runs. A lease renewed in
// the middle of a journal write is exactly that; concurrent-update.test.ts shows it. Without pruning a look-up by id
// asks a dozen more indexes, some microseconds each. A server of the operator's own may compile what looks expensive: no
// statement here runs long enough to earn that back.
const SETTINGS = { ...SESSION_SETTINGS, enable_partition_pruning: "off", jit: "off" };

// The worker's few statements are the same for all parameters, and planning one over all partitions takes as long as
// running it (2.9 of 5.9 ms for a journal write): it is planned once per connection.
const ROLE_SETTINGS: Readonly<Partial<Record<RuntimeRole, Readonly<Record<string, string>>>>> = {
  atelier_worker: { plan_cache_mode: "force_generic_plan" },
};

export function createDatabase(options: DatabaseOptions): Database {
  const { role, onError = () => {} } = options;
  const settings = { role, ...SETTINGS, ...ROLE_SETTINGS[role] };
  const config: pg.ClientConfig = {
    connectionString: options.databaseUrl,
    options: startupOptions(settings),
    types: typeParsers,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    query_timeout: options.queryTimeoutMs ?? QUERY_TIMEOUT_MS,
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
  };
  const max = options.maxConnections ?? 10;
  const pool = new pg.Pool({
    ...config,
    // A statement does not wait for the answer to the one before when its caller does not.
    pipeline: true,
    application_name: role,
    max,
    idleTimeoutMillis: 60_000,
  });
  pool.on("error", onError);
  // The pool listens to idle connections only. One that dies in other hands would end the process, even between
  // its ready and the next turn, when both messages come in one packet. The statement under way tells its caller.
  pool.on("connect", (client) => client.on("error", () => {}));
  const hearers: Array<(userId: string) => void> = [];
  const tell = (userId: string) => {
    for (const hear of hearers) hear(userId);
  };
  return {
    ...executorOf(pool),
    transaction: async (principals, work) => {
      const announced = new Set<string>();
      const result = await runTransaction(pool, principals, (tx) => work({ ...tx, announced }));
      announced.forEach(tell);
      return result;
    },
    onIdentityChange: (hear) => void hearers.push(hear),
    connections: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      max,
    }),
    async connect(name) {
      // As a property of the configuration 0 would be none, and the one of the role would hold.
      const { statement_timeout: _, ...unbounded } = config;
      const client = new pg.Client({
        ...unbounded,
        options: startupOptions({ ...settings, statement_timeout: "0" }),
        application_name: `${role}-${name}`,
      });
      client.on("error", onError);
      await client.connect();
      return client;
    },
    close: () => pool.end(),
  };
}

/** Wraps a pool or client; errors of PostgreSQL come out as AppErrors where they mean something to callers. */
export function executorOf(queryable: Pick<pg.ClientBase, "query">): Executor {
  return executorOver((statement) => queryable.query({ ...statement, values: [...statement.values] }));
}

function executorOver(send: SendStatement): Executor {
  const query = async ({ text, values }: Sql) => {
    try {
      return await send({ ...named(text), values });
    } catch (error) {
      throw translateError(error);
    }
  };
  return {
    many: async <Row>(statement: Sql) => (await query(statement)).rows as Row[],
    one: async <Row>(statement: Sql) => ((await query(statement)).rows[0] as Row | undefined) ?? null,
    run: async (statement) => (await query(statement)).rowCount ?? 0,
  };
}

const MAX_NAMED = 1_000;
const names = new Map<string, string>();

/** A text that comes again is prepared once per connection. The texts are ours, so they are few. */
function named(text: string): { text: string; name?: string } {
  const known = names.get(text);
  if (known) return { text, name: known };
  if (names.size >= MAX_NAMED) return { text };
  const name = `s${names.size}`;
  names.set(text, name);
  return { text, name };
}

async function runTransaction<Result>(
  pool: pg.Pool,
  principals: Principals,
  work: (tx: Executor) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translateError(error);
  });
  const executor = executorOver(gatherStatements(client, typeParsers));
  const commit = () => executor.run(sql`commit`);
  let broken: Error | undefined;
  let committed: Promise<number> | undefined;
  const endsHere = () => {
    committed = commit();
    committed.catch(() => {});
  };
  const entered = begin(executor, principals);
  try {
    if (principals.workspaceIds.length === 0) await entered;
    const result = await work({ ...executor, apiKeyId: principals.apiKeyId, endsHere });
    await entered;
    await (committed ?? commit());
    return result;
  } catch (error) {
    if (isSilent(error)) broken = error as Error;
    else {
      // By the same way: behind a begin that has not gone out yet, never before it.
      await executor.run(sql`rollback`).catch((failure: Error) => {
        broken = failure;
      });
    }
    const hasEnded = await entered;
    throw hasEnded && isRefusedRow(error) ? notFound("workspace") : error;
  } finally {
    client.release(broken);
  }
}

/**
 * Begins and enters the name; true when a membership has ended. Who has workspaces need not wait for it: should it fail,
 * row-level security shows what follows nothing of anybody. It rejects once, and is heard later.
 */
function begin(executor: Executor, principals: Principals): Promise<boolean> {
  const entered = Promise.all([executor.run(sql`begin`), enterName(executor, principals)]).then(
    ([, ended]) => ended,
  );
  entered.catch(() => {});
  return entered;
}
