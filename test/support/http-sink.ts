// The outside world for fault tests: counts the effects that reach it, by Idempotency-Key.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export type SinkRequest = {
  path: string;
  key: string;
  body: string;
  /** What the witness said of the key at the moment the request arrived. */
  witnessed?: Promise<number | null>;
};

export type HttpSink = {
  url: string;
  /** host:port for ALLOW_PRIVATE_EGRESS. */
  address: string;
  /** Everything received, in order. */
  requests: SinkRequest[];
  /** Requests by path. */
  count(path: string): number;
  /** Resolves when a request to this path has arrived. */
  arrival(path: string): Promise<void>;
  /** Answers what is and will be held. */
  release(): void;
  close(): Promise<void>;
};

/**
 * `/slow/MS/…` answers after MS milliseconds, `/held/…` after `release`, `/status/N/…` with that status, `/silent/…` never, `/reset/…` cuts the
 * line after the work is done, `/truncated/…` breaks off its body; anything else 200 at once. `witness` is asked about
 * the key of every request before it is answered.
 */
export async function startHttpSink(witness?: (key: string) => Promise<number | null>): Promise<HttpSink> {
  const requests: SinkRequest[] = [];
  const arrivals = new Map<string, PromiseWithResolvers<void>>();
  const arrivalOf = (path: string) => {
    const known = arrivals.get(path) ?? Promise.withResolvers<void>();
    arrivals.set(path, known);
    return known;
  };
  const released = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    void answer(request, response, released.promise, (received) => {
      if (witness) received.witnessed = witness(received.key);
      requests.push(received);
      arrivalOf(received.path).resolve();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${address}`,
    address,
    requests,
    count: (path) => requests.filter((request) => request.path === path).length,
    arrival: (path) => arrivalOf(path).promise,
    release: released.resolve,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  released: Promise<void>,
  record: (received: SinkRequest) => void,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const path = request.url ?? "/";
  record({
    path,
    key: String(request.headers["idempotency-key"] ?? ""),
    body: Buffer.concat(chunks).toString(),
  });
  const [, kind, value = "0"] = path.split("/");
  if (kind === "slow") await delay(Number(value), undefined, { ref: false });
  if (kind === "held") await released;
  if (kind === "silent") return;
  if (kind === "reset") return void response.socket?.resetAndDestroy();
  if (kind === "truncated") {
    response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
    response.write("{");
    return void response.socket?.end();
  }
  response.writeHead(kind === "status" ? Number(value) : 200, { "content-type": "application/json" });
  response.end(JSON.stringify({ path }));
}
