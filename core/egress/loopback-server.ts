// Test support: real servers on free loopback ports that count what reaches them.
import { createServer, type RequestListener } from "node:http";
import net from "node:net";

export type LoopbackServer = {
  port: number;
  /** TCP connections accepted so far. */
  connections(): number;
  close(): Promise<void>;
};

/** An HTTP server on 127.0.0.1 (or `host`). */
export function startHttp(listener: RequestListener, host = "127.0.0.1"): Promise<LoopbackServer> {
  const server = createServer(listener);
  return start(server, { host, port: 0 });
}

/** A raw TCP server, for answers no honest HTTP server gives. A string listens on a unix socket. */
export function startTcp(
  onSocket: (socket: net.Socket) => void,
  at: { host: string; port: number } | string = { host: "127.0.0.1", port: 0 },
): Promise<LoopbackServer> {
  return start(net.createServer(onSocket), at);
}

async function start(
  server: net.Server,
  at: { host: string; port: number } | string,
): Promise<LoopbackServer> {
  const sockets = new Set<net.Socket>();
  let count = 0;
  server.on("connection", (socket: net.Socket) => {
    count++;
    socket.unref();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  if (typeof at === "string") server.listen(at, resolve);
  else server.listen(at.port, at.host, resolve);
  await promise;
  // A test that fails before it closes its server must end red, not hang.
  server.unref();
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    connections: () => count,
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
