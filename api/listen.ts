// The HTTP server: time limits against slow clients, and a stop that lets answers finish.
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

const HEADERS_TIMEOUT_MS = 10_000;
// A 512 MB file needs 14 Mbit/s to arrive within it.
const REQUEST_TIMEOUT_MS = 300_000;
// Longer than the idle time of usual load balancers (60 s), so that they close first.
const KEEP_ALIVE_MS = 65_000;
const DRAIN_MS = 15_000;

export type HttpServer = { url: string; stop(): Promise<void> };

/** Rejects with the system's error when the address is taken. */
export async function listen(
  handler: RequestListener,
  options: { host: string; port: number },
): Promise<HttpServer> {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    handler,
  );
  server.listen(options.port, options.host);
  await once(server, "listening");
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  return {
    url: `http://${host}:${port}`,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      // Long answers (event streams, waiting submits) do not hold up the rest of the stop.
      const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}
