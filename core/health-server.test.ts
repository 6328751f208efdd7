// What a container engine asks a worker: alive, able, and how busy.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Counter, Registry } from "prom-client";
import { startHealthServer } from "./health-server.ts";

const start = (options: Partial<Parameters<typeof startHealthServer>[0]> = {}) =>
  startHealthServer({ host: "127.0.0.1", port: 0, ready: () => true, probeEveryMs: 50, ...options });
const get = async (port: number, path: string, method = "GET") => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: response.status, text: await response.text(), headers: response.headers };
};

test("says it lives, that it can work, and its numbers", async (t) => {
  const metrics = new Registry();
  new Counter({ name: "executions_run_total", help: "x", registers: [metrics] }).inc(3);
  const { port, stop } = await start({ metrics });
  t.after(stop);
  assert.deepEqual((await get(port, "/healthz")).text, '{"status":"ok"}');
  assert.equal((await get(port, "/readyz?verbose")).status, 200);
  const { text, headers } = await get(port, "/metrics");
  assert.match(text, /^executions_run_total 3$/m);
  assert.match(text, /^process_cpu_seconds_total /m);
  assert.match(headers.get("content-type") ?? "", /^text\/plain/);
});

test("a canary that says no, throws or hangs is not ready; the process lives on", async (t) => {
  const canaries: (() => boolean | Promise<boolean>)[] = [
    () => false,
    () => Promise.reject(new Error("no database")),
    () => {
      throw new Error("at once");
    },
    () => new Promise(() => {}),
  ];
  for (const ready of canaries) {
    const { port, stop } = await start({ ready });
    t.after(stop);
    assert.equal((await get(port, "/readyz")).status, 503, String(ready));
    assert.equal((await get(port, "/healthz")).status, 200);
  }
});

test("asking does not ask the canary", async (t) => {
  let asked = 0;
  const { port, stop } = await start({ ready: () => ++asked > 0, probeEveryMs: 600_000 });
  t.after(stop);
  for (let i = 0; i < 5; i += 1) assert.equal((await get(port, "/readyz")).status, 200);
  assert.equal(asked, 1);
});

test("a recovered canary is ready again", async (t) => {
  let asked = 0;
  const recovered = Promise.withResolvers<void>();
  const { port, stop } = await start({
    ready: () => ++asked > 1,
    onChange: (ready) => ready && recovered.resolve(),
  });
  t.after(stop);
  await recovered.promise;
  await new Promise(setImmediate);
  assert.equal((await get(port, "/readyz")).status, 200);
});

test("a canary that hangs later on is found out", async (t) => {
  let asked = 0;
  const { port, stop } = await start({ ready: () => (++asked === 1 ? true : new Promise(() => {})) });
  t.after(stop);
  const deadline = Date.now() + 10_000;
  while ((await get(port, "/readyz")).status === 200) assert.ok(Date.now() < deadline, "still ready");
});

test("without a port nothing is served and nothing is asked", async () => {
  const { port, stop } = await start({ port: undefined, ready: () => assert.fail("asked") });
  assert.equal(port, 0);
  await stop();
});

test("other paths and methods are refused, and a taken port is an error", async (t) => {
  const { port, stop } = await start();
  t.after(stop);
  assert.equal((await get(port, "/")).status, 404);
  assert.equal((await get(port, "/readyz", "POST")).status, 405);
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  await assert.rejects(start({ port: (other.address() as AddressInfo).port }), { code: "EADDRINUSE" });
});

test("stop ends connections that idle", async () => {
  const { port, stop } = await start();
  await get(port, "/healthz");
  await stop();
  await assert.rejects(get(port, "/healthz"));
});
