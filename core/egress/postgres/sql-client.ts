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
      const until = Date.now() + timeoutMs;
      const connection = await openConnection(connect, target, { timeoutMs, signal }).catch(
        (error: unknown) => {
          throw signal.aborted ? signal.reason : toSqlError(error);
        },
      );
      try {
        const remainingMs = Math.max(1, until - Date.now());
        const output = await withDeadline({ timeoutMs: remainingMs, signal }, async (deadline) => {
          deadline.addEventListener("abort", connection.destroy, { once: true });
          try {
            return await runInTransaction(connection, request);
          } finally {
            deadline.removeEventListener("abort", connection.destroy);
          }
        });
        // From here on nothing breaks it off: a commit whose answer nobody waits for is one nobody knows of.
        if (request.mode === "write") await commit(connection);
        return output;
      } catch (error) {
        throw signal.aborted ? signal.reason : toSqlError(error);
      } finally {
        connection.close();
      }
    },
  };
}
