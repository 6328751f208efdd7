// A line that can be made bad: stands between the roles and PostgreSQL or Redis, and passes, delays, swallows or cuts.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * pass; delay: every packet both ways, by so many milliseconds; drop: half-open, connections stay and nothing comes
 * through, new ones are taken and say nothing; refuse: what is new is reset at once.
 */
export type LineMode = { kind: "pass" | "drop" | "refuse" } | { kind: "delay"; ms: number };

export type TcpProxy = {
  port: number;
  /** The same URL with this proxy as its host. */
  through(url: string): string;
  /** From now on, for lines that are open and for new ones. What was swallowed never comes. */
  set(mode: LineMode): void;
  /** Resets every open line. */
  reset(): void;
  /** Resets each line that is open once so many more bytes have gone to the server: in the middle of a statement. */
  cutAfter(bytes: number): void;
  close(): Promise<void>;
};

type Line = { client: Socket; server: Socket; bytesLeft: number };

/** A socket that has begun to end cannot be reset: libuv refuses, and its handle would stay open for ever. */
function cut(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl);
  const lines = new Set<Line>();
  let mode: LineMode = { kind: "pass" };
  const end = (line: Line) => {
    lines.delete(line);
    cut(line.client);
    cut(line.server);
  };
  const forward = (line: Line, to: Socket, chunk: Buffer) => {
    if (to === line.server) line.bytesLeft -= chunk.length;
    if (line.bytesLeft < 0) return end(line);
    if (mode.kind === "drop") return;
    if (mode.kind !== "delay") return void to.write(chunk);
    // Timers of the same length fire in the order they were set, so bytes stay in order.
    setTimeout(() => to.writable && to.write(chunk), mode.ms);
  };
  const server = createServer((client) => {
    if (mode.kind === "refuse") return client.resetAndDestroy();
    const upstream = connect(Number(target.port), target.hostname);
    const line: Line = { client, server: upstream, bytesLeft: Number.POSITIVE_INFINITY };
    lines.add(line);
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    client.on("data", (chunk: Buffer) => forward(line, upstream, chunk));
    upstream.on("data", (chunk: Buffer) => forward(line, client, chunk));
    for (const socket of [client, upstream]) {
      socket.on("error", () => {});
      socket.on("close", () => mode.kind !== "drop" && end(line));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    through(url) {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${port}`;
      return changed.toString();
    },
    set(next) {
      mode = next;
    },
    reset: () => lines.forEach(end),
    cutAfter(bytes) {
      for (const line of lines) line.bytesLeft = bytes;
    },
    async close() {
      lines.forEach(end);
      server.close();
      await once(server, "close");
    },
  };
}
