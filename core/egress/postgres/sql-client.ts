// Statements of authors on other people's databases: guarded, bounded in rows, bytes and time, a connection for each.
import type { SqlPort } from "#core/domain/node.ts";
import { withDeadline } from "../deadline.ts";
import { createGuardedConnect, type GuardedConnectOptions } from "../tcp-connect.ts";
import { openConnection } from "./open-connection.ts";
import { readPostgresUrl } from "./postgres-url.ts";
import { toSqlError } from "./sql-errors.ts";
import { commit, runInTransaction } from "./transaction.ts";

export type SqlClientOptions = GuardedConnectOptions & {
  /** Hosts off this machine that may be spoken to without TLS. */
  allowPlaintext: readonly string[];
};

/** Holds nothing between two calls: no connection of one workspace is ever there for another. */
export function createSqlClient({ allowPlaintext, ...guard }: SqlClientOptions): SqlPort {
  const connect = createGuardedConnect({ ...guard, ownPorts: [5432] });
  return {
    async run(request) {
      const { timeoutMs, signal } = request;
      const target = readPostgresUrl(request.url, allowPlaintext);
      try {
        const { connection, output } = await withDeadline({ timeoutMs, signal }, async (deadline) => {
          const opened = await openConnection(connect, target, { timeoutMs, signal: deadline });
          try {
            return { connection: opened, output: await runInTransaction(opened, request) };
          } catch (error) {
            opened.close();
            throw error;
          }
        });
        try {
          // Nothing breaks this off any more: a commit whose answer nobody waits for is one nobody knows of.
          if (request.mode === "write") await commit(connection);
          return output;
        } finally {
          connection.close();
        }
      } catch (error) {
        throw signal.aborted ? signal.reason : toSqlError(error);
      }
    },
  };
}
