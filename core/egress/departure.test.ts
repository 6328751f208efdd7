// What a failed request says about its effect: whether anything of it may have left, at the side that counts the sends.
import assert from "node:assert/strict";
import type net from "node:net";
import test from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import type { Lookup } from "./guarded-lookup.ts";
import { createEgress, type EgressRequest } from "./http-client.ts";
import { startTcp } from "./loopback-server.ts";

/** Sends to a server that counts what reaches it; resolves to what the request came to. */
async function send(
  answer: (socket: net.Socket, nth: number) => void,
  request: Partial<EgressRequest> = {},
  times = 1,
): Promise<{ error: unknown; received: number }> {
  let received = 0;
  const server = await startTcp((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => answer(socket, ++received));
  });
  const egress = createEgress({ allowPrivate: [`127.0.0.1:${server.port}`, "127.0.0.1:1"] });
  const url = `http://127.0.0.1:${server.port}/`;
  let error: unknown;
  try {
    for (let nth = 0; nth < times; nth++) {
      error = await egress
        .request({ method: "POST", body: "x", url, timeoutMs: 5_000, ...request })
        .then(() => null)
        .catch((reason: unknown) => reason);
    }
    return { error, received };
  } finally {
    await server.close();
    await egress.close();
  }
}

const said = (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  return [error.code, error.retryable, error.inDoubt];
};
const silence = () => {};
const OK = "HTTP/1.1 200 OK\r\n";

test("what was sent and has no whole answer is in doubt: silence, a reset, an end, a body cut off", async () => {
  const lost = ["egress_connection_failed", true, true];
  const silent = await send(silence, { timeoutMs: 200 });
  assert.deepEqual([said(silent.error), silent.received], [["timeout", true, true], 1]);
  for (const answer of [
    (socket: net.Socket) => socket.resetAndDestroy(),
    (socket: net.Socket) => socket.end(),
    (socket: net.Socket) => socket.end(`${OK}content-length: 10\r\n\r\nabc`),
  ]) {
    const { error, received } = await send(answer);
    assert.deepEqual([said(error), received], [lost, 1]);
  }
  const garbled = await send((socket) => socket.end("no HTTP\r\n\r\n"));
  assert.deepEqual([said(garbled.error), garbled.received], [["egress_connection_failed", false, true], 1]);
});

test("a request on a kept connection that is cut under it is in doubt, and is not sent again underneath", async () => {
  const kept = await send(
    (socket, nth) => (nth === 1 ? socket.write(`${OK}content-length: 0\r\n\r\n`) : socket.resetAndDestroy()),
    {},
    2,
  );
  assert.deepEqual([said(kept.error), kept.received], [["egress_connection_failed", true, true], 2]);
});

test("what never left is known not to have: refused, unknown, too slow to connect", async () => {
  const refused = await send(silence, { url: "http://127.0.0.1:1/" });
  assert.deepEqual(said(refused.error), ["egress_connection_failed", true, false]);
  const never: Lookup = () => new Promise(() => {});
  const egress = createEgress({ allowPrivate: [], lookup: never, limits: { connectTimeoutMs: 200 } });
  const slow = await egress
    .request({ method: "GET", url: "http://slow.test/", timeoutMs: 100 })
    .catch((e) => e);
  assert.deepEqual(said(slow), ["timeout", true, false]);
  await egress.close();
});

test("after a redirect that was answered a refused hop is in doubt: the first one has been heard", async () => {
  const { error, received } = await send((socket) =>
    socket.end("HTTP/1.1 303 See Other\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
  );
  assert.deepEqual([said(error), received], [["egress_connection_failed", true, true], 1]);
});

test("an answer is an answer: too large, or refused by our own rules", async () => {
  const large = await send((socket) => socket.write(`${OK}content-length: 11\r\n\r\n`), {
    maxResponseBytes: 10,
  });
  assert.deepEqual(said(large.error), ["egress_too_large", false, undefined]);
  const denied = await send(silence, { url: "http://10.0.0.1/" });
  assert.deepEqual(said(denied.error), ["egress_denied", false, undefined]);
});

test("an abort gives the reason back as it is once something has left, else a copy that says nothing has", async () => {
  const reason = new AppError("cancelled", "by a person");
  const sent = new AbortController();
  const { error } = await send(() => setImmediate(() => sent.abort(reason)), { signal: sent.signal });
  assert.equal(error, reason);

  const before = await send(silence, { signal: AbortSignal.abort(reason) });
  assert.deepEqual([said(before.error), before.received], [["cancelled", false, false], 0]);
});

test("a request that is aborted while it connects ends at once, and is not sent when the connection stands", async () => {
  const reason = new AppError("cancelled", "by a person");
  const controller = new AbortController();
  const looked = Promise.withResolvers<void>();
  const found = Promise.withResolvers<void>();
  let received = 0;
  const connected = Promise.withResolvers<void>();
  const server = await startTcp((socket) => {
    socket.on("data", () => received++);
    connected.resolve();
  });
  const lookup: Lookup = async () => {
    looked.resolve();
    await found.promise;
    return [{ address: "127.0.0.1", family: 4 }];
  };
  const egress = createEgress({ allowPrivate: [`later.test:${server.port}`], lookup });
  const url = `http://later.test:${server.port}/`;
  const answer = egress.request({ method: "POST", url, body: "x", signal: controller.signal });
  await looked.promise;
  controller.abort(reason);
  const error = await answer.catch((given: unknown) => given);
  assert.deepEqual(said(error), ["cancelled", false, false]);
  found.resolve();
  await connected.promise;
  await egress.close();
  await server.close();
  assert.equal(received, 0);
});
