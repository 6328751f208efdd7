// One statement by the extended protocol: values apart from the text, one statement only, no more rows than asked for.
import type pg from "pg";
import { AppError } from "#core/domain/app-error.ts";

export type Column = { name: string; type: number };
/** Fields as the text the server sent; null for SQL's null. `rows` holds one more than `maxRows` when there are more. */
export type StatementAnswer = { columns: Column[]; rows: (string | null)[][]; rowCount: number };

export type Statement = { text: string; values: (string | null)[]; maxRows: number };

/** Rejects with the server's error or that of a lost connection, and `sql_unsupported` for COPY. */
export function runStatement(client: pg.Client, statement: Statement): Promise<StatementAnswer> {
  const { text, values, maxRows } = statement;
  const { promise, resolve, reject } = Promise.withResolvers<StatementAnswer>();
  const answer: StatementAnswer = { columns: [], rows: [], rowCount: 0 };
  let copies = false;
  // Called by the driver as messages come in. Nothing of the answer is read here: what throws here has no caller.
  const conversation = {
    submit(connection: pg.Connection) {
      connection.parse({ name: "", text, types: [] }, true);
      connection.bind({ values }, true);
      connection.describe({ type: "P", name: "" }, true);
      // The server stops after so many: a million rows are never sent.
      connection.execute({ portal: "", rows: String(maxRows + 1) }, true);
      connection.sync();
    },
    handleRowDescription({ fields }: { fields: { name: string; dataTypeID: number }[] }) {
      answer.columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
    },
    handleDataRow({ fields }: { fields: (string | null)[] }) {
      if (answer.rows.length <= maxRows) answer.rows.push(fields);
    },
    handleCommandComplete({ text: tag }: { text: string }) {
      answer.rowCount = Number(/ (\d+)$/.exec(tag)?.[1] ?? answer.rows.length);
    },
    handlePortalSuspended() {},
    handleEmptyQuery() {},
    handleCopyInResponse(connection: { sendCopyFail(reason: string): void; sync(): void }) {
      copies = true;
      connection.sendCopyFail("COPY is not supported");
      // The server has thrown the first one away together with the data it did not get.
      connection.sync();
    },
    handleCopyData() {
      copies = true;
    },
    handleError(error: Error) {
      reject(copies ? noCopy() : error);
    },
    handleReadyForQuery() {
      if (copies) reject(noCopy());
      else resolve(answer);
    },
  };
  client.query(conversation);
  return promise;
}

function noCopy(): AppError {
  return new AppError(
    "sql_unsupported",
    "COPY is not supported; select the rows, or insert them from params",
  );
}
