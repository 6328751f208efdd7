// A small business service on loopback for the demo and the templates: stock look-ups and orders, nothing kept on disk.
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

export type SampleService = { url: string; port: number; stop(): Promise<void> };

type Order = { orderId: string; idempotencyKey: string | null; received: unknown };

const maxBodyBytes = 100_000;
const maxOrders = 10_000;
// A slow answer leaves time to kill something in the middle of a demo.
const maxDelayMs = 20_000;

/** Listens on 127.0.0.1; port 0 takes any free one. Rejects when the port is taken. */
export function startSampleService(port: number): Promise<SampleService> {
  const orders = new Map<string, Order>();
  const server = createServer((request, response) => {
    answer(request, response, orders).catch((error: Error) => send(response, 400, { error: error.message }));
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const bound = (server.address() as { port: number }).port;
      const stop = () =>
        new Promise<void>((done) => {
          server.close(() => done());
          server.closeAllConnections();
        });
      resolve({ url: `http://127.0.0.1:${bound}`, port: bound, stop });
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, orders: Map<string, Order>) {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://sample");
  const delayMs = Number(searchParams.get("delayMs") ?? "0");
  if (delayMs > 0) await sleep(Math.min(delayMs, maxDelayMs));
  const sku = /^\/inventory\/([^/]{1,100})$/.exec(pathname)?.[1];
  if (request.method === "GET" && pathname === "/healthz") return send(response, 200, { ok: true });
  if (request.method === "GET" && sku !== undefined)
    return send(response, 200, stockOf(decodeURIComponent(sku)));
  if (request.method === "GET" && pathname === "/orders")
    return send(response, 200, { items: [...orders.values()] });
  if (request.method === "POST" && pathname === "/orders") return takeOrder(request, response, orders);
  send(response, 404, { error: `no ${request.method} ${pathname} here` });
}

/** The same article has the same numbers on every machine and after every restart. */
function stockOf(sku: string) {
  const digest = createHash("sha256").update(sku).digest();
  return {
    sku,
    inStock: digest.readUInt16BE(0) % 250,
    unitPrice: 1 + (digest.readUInt32BE(2) % 50_000) / 100,
    leadTimeDays: 1 + ((digest[6] ?? 0) % 21),
  };
}

async function takeOrder(request: IncomingMessage, response: ServerResponse, orders: Map<string, Order>) {
  const key = request.headers["idempotency-key"];
  const idempotencyKey = typeof key === "string" && key !== "" ? key : null;
  // Made from the key, so that a repeated order gets the same number even from a service that was restarted between.
  const digest = createHash("sha256").update(idempotencyKey ?? randomUUID());
  const orderId = `ord_${digest.digest("hex").slice(0, 16)}`;
  const received = JSON.parse((await readBody(request)) || "null");
  const order = orders.get(orderId) ?? { orderId, idempotencyKey, received };
  orders.set(orderId, order);
  const oldest = orders.keys().next();
  if (orders.size > maxOrders && !oldest.done) orders.delete(oldest.value);
  send(response, 201, { orderId, received: order.received });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Error(`an order is at most ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const service = await startSampleService(Number(process.env.SAMPLE_SERVICE_PORT ?? "0"));
  console.log(`Sample service at ${service.url}`);
}
