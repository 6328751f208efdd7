// Statements that a transaction sends in one turn: one write to the server, one answer from it.
import pg from "pg";

export type Statement = { text: string; name?: string; values: readonly unknown[] };

/** Sends a statement; what one turn sends goes out together, in its order. Rejects as `query` of the client does. */
export type SendStatement = (statement: Statement) => Promise<pg.QueryResult>;

/** What the driver calls on a query, by its own names; its types know a part of it. */
type DriverQuery = {
  name?: string;
  text?: string;
  callback: (error: Error | null, result?: pg.QueryResult) => void;
  _result: { _types?: unknown };
  submit(connection: DriverConnection): Error | null;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: DriverConnection): void;
  handleEmptyQuery(connection: DriverConnection): void;
  handleReadyForQuery(connection: DriverConnection): void;
  handleError(error: Error, connection: DriverConnection): void;
};

type DriverConnection = {
  stream: { cork(): void; uncork(): void };
  submittedNamedStatements: Record<string, string>;
  sync(): void;
};

type Waiting = {
  statement: Statement;
  resolve(result: pg.QueryResult): void;
  reject(error: Error): void;
};

/**
 * For a client whose statements are in one transaction: the first that fails takes those behind it along, they are not
 * run. The driver's own pipeline waits for no answer either, but each of its statements is a write, an end of the
 * pipeline and an answer of its own: begin, name, look-up and commit took twice the processor time, here and in the server.
 */
export function gatherStatements(client: pg.ClientBase, types: pg.CustomTypesConfig): SendStatement {
  let waiting: Waiting[] = [];
  const send = () => {
    const [first, ...others] = waiting;
    waiting = [];
    if (first === undefined) return;
    if (others.length > 0) client.query(joinQueries([first, ...others], types) as unknown as pg.Submittable);
    else
      client
        .query({ ...first.statement, values: [...first.statement.values] })
        .then(first.resolve, first.reject);
  };
  return (statement) =>
    new Promise((resolve, reject) => {
      // After all that can be sent without waiting for anything has been sent.
      if (waiting.length === 0) process.nextTick(send);
      waiting.push({ statement, resolve, reject });
    });
}

/** A query that stands for several: they write one behind the other, and only the last one ends the pipeline. */
function joinQueries(waiting: readonly Waiting[], types: pg.CustomTypesConfig): DriverQuery {
  const queries = waiting.map((one) => toQuery(one, types));
  let place = 0;
  const current = () => queries[place] as DriverQuery;
  const end = (connection: DriverConnection) => {
    current().handleReadyForQuery(connection);
    place++;
  };
  const all: Omit<DriverQuery, "name" | "text" | "_result"> = {
    callback(error) {
      for (const { reject } of waiting.slice(place))
        reject(error ?? new Error("A statement before it failed"));
    },
    submit: (connection) => submitAll(queries, connection),
    handleRowDescription: (message) => current().handleRowDescription(message),
    handleDataRow: (message) => current().handleDataRow(message),
    handleCommandComplete(message, connection) {
      current().handleCommandComplete(message, connection);
      end(connection);
    },
    handleEmptyQuery: end,
    handleReadyForQuery: () => joined.callback(null),
    handleError(error, connection) {
      // The server has skipped what came behind, and with it what was to be prepared.
      for (const { name } of queries.slice(place)) if (name) delete connection.submittedNamedStatements[name];
      joined.callback(error);
    },
  };
  const joined = Object.assign(newQuery({ text: "", values: [] }), all);
  // What the driver remembers as prepared when the server says so.
  const shown = (key: "name" | "text") => ({ get: () => queries[place]?.[key] });
  return Object.defineProperties(joined, { name: shown("name"), text: shown("text") });
}

function submitAll(queries: readonly DriverQuery[], connection: DriverConnection): null {
  let failed = false;
  const open: DriverConnection = Object.create(connection, { sync: { value: () => {} } });
  connection.stream.cork();
  try {
    for (const query of queries) {
      const { callback } = query;
      query.callback = (error, result) => {
        failed ||= error !== null;
        callback(error, result);
      };
      const refused = query.submit(open);
      if (refused) query.handleError(refused, connection);
      // Values that cannot be written: above all no commit may follow.
      if (failed) break;
    }
    connection.sync();
  } finally {
    connection.stream.uncork();
  }
  return null;
}

function toQuery({ statement, resolve, reject }: Waiting, types: pg.CustomTypesConfig): DriverQuery {
  const query = newQuery(statement);
  query.callback = (error, result) => (error ? reject(error) : resolve(result as pg.QueryResult));
  query._result._types = types;
  return query;
}

function newQuery({ values, ...statement }: Statement): DriverQuery {
  // Never the simple protocol, which ends the pipeline by itself.
  const config = { ...statement, values: [...values], queryMode: "extended" };
  return new pg.Query(config) as unknown as DriverQuery;
}
