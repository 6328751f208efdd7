// Statements of authors on other people's databases: guarded, bounded in rows, bytes and time, a connection for each.
import { withDoubt } from "#core/domain/effect-doubt.ts";
import type { SqlPort } from "#core/domain/node.ts";
import { withDeadline } from "../deadline.ts";
import { createGuardedConnect, type GuardedConnectOptions } from "../tcp-connect.ts";
import { openConnection, type PostgresConnection } from "./open-connection.ts";
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
      const { connection, output } = await withDeadline({ timeoutMs, signal }, async (deadline) => {
        const opened = await openConnection(connect, target, { timeoutMs, signal: deadline });
        try {
          return { connection: opened, output: await runInTransaction(opened, request) };
        } catch (error) {
          opened.close();
          throw error;
        }
        // Whatever ended it before the commit, the server has thrown it away.
      }).catch((error: unknown) => {
        throw withDoubt(signal.aborted ? signal.reason : toSqlError(error), false);
      });
      try {
        if (request.mode === "write") await commitUnlessAborted(connection, signal);
        return output;
      } finally {
        connection.close();
      }
    },
  };
}

/** Nothing breaks off a commit that has begun: one whose answer nobody waits for is one nobody knows of. */
async function commitUnlessAborted(connection: PostgresConnection, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw withDoubt(signal.reason, false);
  try {
    await commit(connection);
  } catch (error) {
    const known = toSqlError(error);
    throw known.inDoubt ? known : withDoubt(known, false);
  }
}
