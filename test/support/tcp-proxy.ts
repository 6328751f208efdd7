// A line that can be made bad: stands between the roles and PostgreSQL or Redis, and passes, delays, swallows or cuts.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/**
 * pass; delay: every packet both ways, by so many milliseconds; lossy: that share of the packets is lost, which TCP
 * shows as a pause until it is sent again, with all that follows behind it; drop: half-open, connections stay and
 * nothing comes through, new ones are taken and say nothing; refuse: what is new is reset at once.
 */
export type LineMode =
  | { kind: "pass" | "drop" | "refuse" }
  | { kind: "delay"; ms: number }
  /** `chance` gives numbers from 0 to 1. */
  | { kind: "lossy"; share: number; chance: () => number };

/** Linux sends a lost packet again after 200 ms at the earliest, and each further time after twice as long. */
const RESEND_MS = 200;

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

type Line = {
  client: Socket;
  server: Socket;
  bytesLeft: number;
  /** What is on its way to that socket, in order: nothing overtakes what is late. */
  late: Map<Socket, Late[]>;
};
type Late = { chunk: Buffer; due: number };

/** A socket that has begun to end cannot be reset: libuv refuses, and its handle would stay open for ever. */
function cut(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function pauseOf(mode: LineMode): number {
  if (mode.kind === "delay") return mode.ms;
  if (mode.kind !== "lossy") return 0;
  let pause = 0;
  for (let resend = RESEND_MS; mode.chance() < mode.share; resend *= 2) pause += resend;
  return pause;
}

/** Until nothing is late any more. */
async function deliver(to: Socket, late: Late[]): Promise<void> {
  for (let next = late[0]; next; next = late[0]) {
    await delay(Math.max(0, next.due - performance.now()), undefined, { ref: false });
    if (to.writable) to.write(next.chunk);
    late.shift();
  }
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
    const late = line.late.get(to) ?? [];
    line.late.set(to, late);
    const pause = pauseOf(mode);
    if (pause === 0 && late.length === 0) return void to.write(chunk);
    late.push({ chunk, due: performance.now() + pause });
    if (late.length === 1) void deliver(to, late);
  };
  const server = createServer((client) => {
    if (mode.kind === "refuse") return client.resetAndDestroy();
    const upstream = connect(Number(target.port), target.hostname);
    const line: Line = { client, server: upstream, bytesLeft: Number.POSITIVE_INFINITY, late: new Map() };
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
