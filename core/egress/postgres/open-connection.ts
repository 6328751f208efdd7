// One connection to somebody's database: through the guard, with TLS where it must be, and never left open.
import type { Socket } from "node:net";
import pg from "pg";
import type { GuardedConnect } from "../tcp-connect.ts";
import { asUnconnected, containStream } from "./contain-stream.ts";
import type { PostgresTarget } from "./postgres-url.ts";
import { startTls } from "./start-tls.ts";

// What a polite goodbye may take.
const GOODBYE_MS = 1_000;

export type PostgresConnection = {
  client: pg.Client;
  /** At once and from both sides; the server notices by client_connection_check_interval. */
  destroy(): void;
  /** Says goodbye, so that the server logs no lost connection. Never waits, never throws. */
  close(): void;
};

/**
 * Signed in; an abort of the signal destroys it at any time. Rejects with what the driver, the guard or TLS throw, which
 * after an abort says nothing.
 */
export async function openConnection(
  connect: GuardedConnect,
  target: PostgresTarget,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<PostgresConnection> {
  const { host, port } = target;
  const raw = await connect({ host, port, ...limits });
  const destroy = () => void raw.destroy();
  limits.signal.addEventListener("abort", destroy, { once: true });
  try {
    const stream = target.tls === "none" ? raw : await startTls(raw, host, target.tls === "chain");
    containStream(stream);
    const client = createClient(target, stream);
    await client.connect();
    return { client, destroy, close: () => sayGoodbye(client, destroy) };
  } catch (error) {
    destroy();
    throw error;
  }
}

function createClient(target: PostgresTarget, stream: Socket): pg.Client {
  const { host, port, user, database, options } = target;
  const client = new pg.Client({
    host,
    port,
    user,
    // A function, and so never a password file or the environment's password.
    password: () => target.password,
    database,
    application_name: target.applicationName,
    ...(options && { options }),
    ssl: false,
    stream: () => asUnconnected(stream),
  });
  // What is under way hears of a lost connection by itself.
  return client.on("error", () => {});
}

function sayGoodbye(client: pg.Client, destroy: () => void): void {
  const timer = setTimeout(destroy, GOODBYE_MS);
  client
    .end()
    .catch(() => {})
    .finally(() => {
      clearTimeout(timer);
      destroy();
    });
}
