// The HTTP server: time limits against slow clients, and a stop that lets answers finish.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

const HEADERS_TIMEOUT_MS = 10_000;
const HEADERS_BYTES = 16_384;
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
      maxHeaderSize: HEADERS_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    handler,
  );
  server.on("clientError", refuseMalformed);
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

const REFUSALS: Readonly<Record<string, { status: number; title: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, title: "Request Header Fields Too Large" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, title: "Request Timeout" },
};

/** What never became a request has no express answer: the same shape and the same headers, by hand. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const { status, title } = REFUSALS[error.code ?? ""] ?? { status: 400, title: "Bad Request" };
  const requestId = randomUUID();
  const detail = "This is not a request that can be read as HTTP/1.1";
  const body = JSON.stringify({
    type: "about:blank",
    title,
    status,
    code: "malformed_http",
    detail,
    requestId,
  });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    "content-type: application/problem+json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "content-security-policy: default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "strict-transport-security: max-age=31536000; includeSubDomains",
    "x-content-type-options: nosniff",
    "referrer-policy: no-referrer",
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
