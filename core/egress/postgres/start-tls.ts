// TLS on a connection to PostgreSQL: asked for in plain text, then nothing goes on without a certificate that holds.
import { isIP, type Socket } from "node:net";
import tls from "node:tls";
import { AppError } from "#core/domain/app-error.ts";

/** The message that asks for TLS: its length and its code. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * `anyName`: the certificate's chain is checked, its name is not. Trust is that of the process (NODE_EXTRA_CA_CERTS).
 * Rejects with `sql_tls_refused`, or with what the handshake failed of.
 */
export async function startTls(raw: Socket, host: string, anyName: boolean): Promise<Socket> {
  raw.write(SSL_REQUEST);
  const answer = await firstOf<Buffer>(raw, "data");
  // More than the one byte came before TLS began, and so from anybody.
  if (answer.length !== 1 || answer.toString("latin1") !== "S") {
    throw new AppError("sql_tls_refused", "The server does not offer TLS");
  }
  const secure = tls.connect({
    socket: raw,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 cannot switch certificates off.
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    ...(anyName && { checkServerIdentity: () => undefined }),
  });
  // Between here and the driver's own listener an error must not end the process.
  secure.on("error", () => {});
  await firstOf(secure, "secureConnect");
  return secure;
}

function firstOf<Value>(socket: Socket, event: string): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const closed = () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
  socket.once(event, resolve).once("error", reject).once("close", closed);
  return promise.finally(() => {
    socket.off(event, resolve).off("error", reject).off("close", closed);
  });
}
