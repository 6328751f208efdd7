// /healthz, /readyz and /metrics for the roles that serve no HTTP otherwise.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Registry } from "prom-client";

const PROBE_EVERY_MS = 3_000;
/** A canary that hangs for so many turns is as bad as one that fails. */
const STALE_TURNS = 3;

export type HealthServerOptions = {
  host: string;
  /** HEALTH_PORT; undefined serves nothing. */
  port: number | undefined;
  /** The canary: can this role do its work? Asked at once and every 3 s, never per request. */
  ready: () => boolean | Promise<boolean>;
  /** The role's own numbers; the process's are added to them. */
  metrics?: Registry;
  onChange?: (ready: boolean, error?: unknown) => void;
  probeEveryMs?: number;
};

export type HealthServer = { port: number; stop(): Promise<void> };

/** Resolves when it listens and the canary was asked once. Rejects with the system's error when the port is taken. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { host, port, metrics = new Registry() } = options;
  if (port === undefined) return { port: 0, stop: async () => {} };
  collectDefaultMetrics({ register: metrics });
  const canary = createCanary(options);
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(response.setHeader("allow", "GET, HEAD"), 405, "method not allowed");
    } else if (path === "/healthz") {
      answer(response, 200, "ok");
    } else if (path === "/readyz") {
      const ready = canary.isReady();
      answer(response, ready ? 200 : 503, ready ? "ready" : "not ready");
    } else if (path === "/metrics") {
      metrics.metrics().then(
        (text) => response.setHeader("content-type", metrics.contentType).end(text),
        () => response.destroy(),
      );
    } else {
      answer(response, 404, "not found");
    }
  });
  server.listen(port, host);
  await once(server, "listening");
  await canary.start();
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      canary.stop();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ status: text }));
}

function createCanary(options: HealthServerOptions) {
  const { ready: probe, onChange = () => {}, probeEveryMs = PROBE_EVERY_MS } = options;
  let ready = false;
  let answeredAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const ask = async (): Promise<void> => {
    let now = false;
    let failure: unknown;
    try {
      now = await probe();
    } catch (error) {
      failure = error;
    }
    if (now !== ready) onChange(now, failure);
    ready = now;
    answeredAt = performance.now();
    if (!stopped) timer = setTimeout(ask, probeEveryMs).unref();
  };
  return {
    // A hanging canary must not hold up the start either: it counts as not ready until it answers.
    start: () => Promise.race([ask(), new Promise<void>((go) => void setTimeout(go, probeEveryMs).unref())]),
    isReady: () => ready && !stopped && performance.now() - answeredAt < STALE_TURNS * probeEveryMs,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
