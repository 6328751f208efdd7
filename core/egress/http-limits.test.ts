// A47: bombs, drips and floods end at a cap; what fails says whether trying again may help.
import assert from "node:assert/strict";
import type net from "node:net";
import test from "node:test";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { AppError } from "#core/domain/app-error.ts";
import type { Lookup } from "./guarded-lookup.ts";
import { createEgress, type EgressOptions, type EgressRequest } from "./http-client.ts";
import { startTcp } from "./loopback-server.ts";

const fails = (code: string, retryable: boolean) => (error: unknown) =>
  error instanceof AppError && error.code === code && error.retryable === retryable;
const OK = "HTTP/1.1 200 OK\r\n";

type Outcome = { answer: Promise<unknown>; peerClosed: Promise<void> };

/** Sends one request to a server that answers with whatever `answer` writes. */
async function against(
  answer: (socket: net.Socket) => void,
  request: Partial<EgressRequest>,
  check: (outcome: Outcome) => Promise<void>,
  limits: EgressOptions["limits"] = {},
): Promise<void> {
  const closed = Promise.withResolvers<void>();
  closed.promise.catch(() => {});
  const patience = setTimeout(() => closed.reject(new Error("the connection stayed open")), 10_000);
  const server = await startTcp((socket) => {
    socket.once("close", () => closed.resolve());
    socket.once("data", () => answer(socket));
  });
  const egress = createEgress({ allowPrivate: [`127.0.0.1:${server.port}`], limits });
  const url = `${request.url ?? "http"}://127.0.0.1:${server.port}/`;
  try {
    await check({
      answer: egress.request({ method: "GET", timeoutMs: 5_000, ...request, url }),
      peerClosed: closed.promise,
    });
  } finally {
    clearTimeout(patience);
    await server.close();
    await egress.close();
  }
}

/** Writes `piece` for ever, as fast as the client takes it. */
function flood(socket: net.Socket, head: string, piece: string | Buffer): void {
  socket.write(head);
  const pump = () => {
    while (!socket.destroyed && socket.write(piece)) {}
  };
  socket.on("drain", pump);
  pump();
}

/** Writes `piece` every 10 ms for ever. */
function drip(socket: net.Socket, head: string, piece: string): void {
  socket.write(head);
  const timer = setInterval(() => socket.write(piece), 10);
  socket.once("close", () => clearInterval(timer));
}

const compressed = (encoding: string, body: Buffer) => (socket: net.Socket) => {
  socket.write(`${OK}content-encoding: ${encoding}\r\ncontent-length: ${body.byteLength}\r\n\r\n`);
  socket.write(body);
};

const plain = Buffer.alloc(40_000_000);
const BOMBS = {
  gzip: gzipSync(plain),
  br: brotliCompressSync(plain),
  deflate: deflateSync(plain),
  "gzip, gzip": gzipSync(gzipSync(plain)),
};
for (const [encoding, bomb] of Object.entries(BOMBS)) {
  test(`A47 a ${encoding} bomb (${bomb.byteLength} bytes become 40 MB) is stopped by the default cap`, () =>
    against(compressed(encoding, bomb), {}, async ({ answer }) => {
      await assert.rejects(answer, fails("egress_too_large", false));
    }));
}

test("A47 more than two layers of compression are refused", () =>
  against(compressed("gzip, gzip, gzip", gzipSync("x")), {}, async ({ answer }) => {
    await assert.rejects(answer, fails("egress_too_large", false));
  }));

test("the cap counts decompressed bytes exactly", async () => {
  for (const [maxResponseBytes, fits] of [
    [1000, true],
    [999, false],
  ] as const) {
    await against(
      compressed("gzip", gzipSync(Buffer.alloc(1000))),
      { maxResponseBytes },
      async ({ answer }) => {
        if (fits) await answer;
        else await assert.rejects(answer, fails("egress_too_large", false));
      },
    );
  }
});

test("A47 an announced 5 GB body is refused at its header", () =>
  against(
    (socket) => socket.write(`${OK}content-length: 5368709120\r\n\r\n`),
    {},
    async ({ answer, peerClosed }) => {
      await assert.rejects(answer, fails("egress_too_large", false));
      await peerClosed;
    },
  ));

test("a HEAD answer may announce any length", () =>
  against(
    (socket) => socket.write(`${OK}content-length: 5368709120\r\n\r\n`),
    { method: "HEAD" },
    async ({ answer }) => assert.doesNotReject(answer),
  ));

test("A47 an endless body is cut at the cap and the connection closed", () =>
  against(
    (socket) => flood(socket, `${OK}\r\n`, Buffer.alloc(65_536)),
    { maxResponseBytes: 1_000_000 },
    async ({ answer, peerClosed }) => {
      await assert.rejects(answer, fails("egress_too_large", false));
      await peerClosed;
    },
  ));

test("A47 an endless body behind a redirect does not hold the request", () =>
  against(
    (socket) =>
      flood(socket, "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\n\r\n", Buffer.alloc(65_536)),
    {},
    async ({ answer, peerClosed }) => {
      await assert.rejects(answer, fails("egress_denied", false));
      await peerClosed;
    },
  ));

test("A47 endless headers are cut", () =>
  against(
    (socket) => flood(socket, OK, `x-flood: ${"a".repeat(1000)}\r\n`),
    {},
    async ({ answer }) => assert.rejects(answer, fails("egress_too_large", false)),
  ));

test("A47 endless interim answers end at the total time", () =>
  against(
    (socket) => drip(socket, "", "HTTP/1.1 102 Processing\r\n\r\n"),
    { timeoutMs: 300 },
    async ({ answer, peerClosed }) => {
      await assert.rejects(answer, fails("timeout", true));
      await peerClosed;
    },
  ));

test("A47 a dripping body ends at the total time although it never pauses", () =>
  against(
    (socket) => drip(socket, `${OK}content-length: 1000000\r\n\r\n`, "x"),
    { timeoutMs: 300 },
    async ({ answer, peerClosed }) => {
      await assert.rejects(answer, fails("timeout", true));
      await peerClosed;
    },
  ));

test("A47 dripping headers end at the total time", () =>
  against(
    (socket) => drip(socket, OK, "x"),
    { timeoutMs: 300 },
    async ({ answer }) => assert.rejects(answer, fails("timeout", true)),
  ));

test("A47 a silent server ends at the idle time, before or within the body", async () => {
  for (const head of ["", `${OK}content-length: 10\r\n\r\nabc`]) {
    await against(
      (socket) => socket.write(head),
      { timeoutMs: 30_000 },
      async ({ answer }) => assert.rejects(answer, fails("timeout", true)),
      { idleTimeoutMs: 200 },
    );
  }
});

test("a resolver that never answers ends at the total time", async () => {
  const lookup: Lookup = () => new Promise(() => {});
  const egress = createEgress({ allowPrivate: [], lookup, limits: { connectTimeoutMs: 100 } });
  const answer = egress.request({ method: "GET", url: "http://slow.test/", timeoutMs: 100 });
  await assert.rejects(answer, fails("timeout", true));
  await egress.close();
});

test("an abort rejects with the signal's own reason: before, while waiting, and while reading", async () => {
  const reason = new Error("cancelled by a person");
  await against(
    () => assert.fail("nothing may be sent"),
    { signal: AbortSignal.abort(reason) },
    async ({ answer }) => assert.rejects(answer, (error) => error === reason),
  );
  for (const head of ["", `${OK}content-length: 10\r\n\r\nabc`]) {
    const controller = new AbortController();
    const abortSoon = (socket: net.Socket) => {
      socket.write(head);
      setTimeout(() => controller.abort(reason), 50);
    };
    await against(abortSoon, { signal: controller.signal }, async ({ answer, peerClosed }) => {
      await assert.rejects(answer, (error) => error === reason);
      await peerClosed;
    });
  }
});

test("lost connections may be tried again and keep their cause: reset, cut body, refused, unknown name", async () => {
  const lost = fails("egress_connection_failed", true);
  const hasCause = (error: unknown) => lost(error) && (error as AppError).cause instanceof Error;
  await against(
    (socket) => socket.resetAndDestroy(),
    {},
    async ({ answer }) => assert.rejects(answer, hasCause),
  );
  const cut = (socket: net.Socket) => socket.end(`${OK}content-length: 10\r\n\r\nabc`);
  await against(cut, {}, async ({ answer }) => assert.rejects(answer, hasCause));

  const gone = await startTcp(() => {});
  await gone.close();
  const notFound = async () => {
    throw Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
  };
  const egress = createEgress({ allowPrivate: [`127.0.0.1:${gone.port}`], lookup: notFound });
  for (const url of [`http://127.0.0.1:${gone.port}/`, "http://unknown.test/"]) {
    await assert.rejects(egress.request({ method: "GET", url }), hasCause, url);
  }
  const empty = createEgress({ allowPrivate: [], lookup: async () => [] });
  await assert.rejects(empty.request({ method: "GET", url: "http://empty.test/" }), hasCause);
  await Promise.all([egress.close(), empty.close()]);
});

test("TLS faults and answers that are no HTTP are not tried again", async () => {
  const wrong = fails("egress_connection_failed", false);
  const garbage = (socket: net.Socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n\r\n");
  await against(garbage, {}, async ({ answer }) => assert.rejects(answer, wrong));
  await against(garbage, { url: "https" }, async ({ answer }) => assert.rejects(answer, wrong));
});
