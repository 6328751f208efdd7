// Finds TCP ports for servers that must come back on the same one after a restart.
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

// Below the range from which Linux (32768) and macOS (49152) pick ports for outgoing connections, so that a
// kept port is not taken by chance while its server is down.
const first = 20_000;
const last = 32_000;

/** Null when the port can be listened on, else the error code of the operating system. */
export function probePort(port: number, host: string): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "EUNKNOWN"));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** The preferred port when it is free, else a free one picked by chance. */
export async function findFreePort(preferred?: number, host = "127.0.0.1"): Promise<number> {
  if (preferred !== undefined && (await probePort(preferred, host)) === null) return preferred;
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(first, last);
    if ((await probePort(port, host)) === null) return port;
  }
  throw new Error(`no free port between ${first} and ${last} on ${host}`);
}
