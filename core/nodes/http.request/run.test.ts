import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { createEgress, type Egress } from "#core/egress/http-client.ts";
import { findDefinition } from "../definitions.ts";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";
import { readRetryAfter } from "./run.ts";

type Seen = { method: string; url: string; headers: IncomingMessage["headers"]; body: string };

let answer: (response: ServerResponse, request: Seen) => void;
let seen: Seen[] = [];
let base: string;
let egress: Egress;

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("latin1")) body += chunk;
  const { method = "", url = "", headers } = request;
  seen.push({ method, url, headers, body: Buffer.from(body, "latin1").toString() });
  answer(response, seen.at(-1) as Seen);
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  base = `http://127.0.0.1:${port}`;
  egress = createEgress({ allowPrivate: [`127.0.0.1:${port}`] });
});

after(async () => {
  await egress.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Runs the node against the server, which answers with `reply` (JSON unless it is text or bytes). */
async function run(config: Record<string, unknown>, reply?: typeof answer) {
  seen = [];
  answer = reply ?? ((response) => json(response, 200, { ok: true }));
  const outcome = await nodeRunners.get("http.request")?.(
    { url: `${base}/x`, ...config },
    testContext({ ports: { http: egress }, idempotencyKey: "key-7" }),
  );
  assert.ok(outcome?.kind === "output");
  return outcome.output as { status: number; headers: Record<string, string>; body: unknown };
}

function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

const typed =
  (contentType: string | undefined, body: string | Buffer): typeof answer =>
  (response) =>
    response.writeHead(200, contentType === undefined ? {} : { "content-type": contentType }).end(body);

test("sends a JSON body with its type and the idempotency key, and reads the JSON answer", async () => {
  const output = await run({ method: "POST", body: { a: [1, "ü"] } });
  assert.deepEqual(output.body, { ok: true });
  assert.equal(output.status, 200);
  assert.equal(output.headers["content-type"], "application/json");
  const [request] = seen;
  assert.equal(request?.method, "POST");
  assert.deepEqual(JSON.parse(request?.body ?? ""), { a: [1, "ü"] });
  assert.equal(request?.headers["content-type"], "application/json");
  assert.equal(request?.headers["idempotency-key"], "key-7");
});

test("GET without a body is the default; text goes out as it is; falsy JSON is a body", async () => {
  await run({});
  assert.equal(seen[0]?.method, "GET");
  assert.equal(seen[0]?.headers["content-type"], undefined);
  await run({ method: "PUT", body: "a=1" });
  assert.equal(seen[0]?.body, "a=1");
  assert.equal(seen[0]?.headers["content-type"], "text/plain; charset=utf-8");
  await run({ method: "PUT", body: 0 });
  assert.equal(seen[0]?.body, "0");
});

test("the author's headers win, whatever their case, and null leaves one out", async () => {
  const headers = { "CONTENT-TYPE": "application/xml", "idempotency-KEY": "mine", "x-n": 5, "x-gone": null };
  await run({ method: "POST", body: "<a/>", headers });
  const received = seen[0]?.headers;
  assert.equal(received?.["content-type"], "application/xml");
  assert.equal(received?.["idempotency-key"], "mine");
  assert.equal(received?.["x-n"], "5");
  assert.equal(received?.["x-gone"], undefined);
});

test("the query is added to the URL, before its fragment, and repeats for lists", async () => {
  await run({ url: `${base}/x?a=%20#f`, query: { b: "ä&c", n: 0, list: ["x", null, true], gone: null } });
  assert.equal(seen[0]?.url, "/x?a=%20&b=%C3%A4%26c&n=0&list=x&list=true");
  await run({ query: { q: 1 } });
  assert.equal(seen[0]?.url, "/x?q=1");
});

test("the body is read by its content type", async () => {
  const body = async (contentType: string | undefined, bytes: string | Buffer) =>
    (await run({}, typed(contentType, bytes))).body;
  assert.deepEqual(await body("application/problem+json; charset=utf-8", '{"a":"ü"}'), { a: "ü" });
  assert.equal(await body("application/json", ""), null);
  assert.equal(await body("text/html; charset=iso-8859-1", Buffer.from([0xfc])), "ü");
  assert.equal(await body("text/plain; charset=nonsense", "ü"), "ü");
  assert.equal(await body("text/plain", ""), "");
  assert.deepEqual(await body("image/png", Buffer.from([1, 2])), { base64: "AQI=" });
  assert.deepEqual(await body("text/plain", "a\0b"), { base64: "YQBi" });
  assert.equal(await body(undefined, "plain"), "plain");
  assert.equal(await body(undefined, ""), null);
  assert.deepEqual(await body(undefined, Buffer.from([0xff])), { base64: "/w==" });
});

test("JSON that is none is a clear error", async () => {
  await assert.rejects(run({}, typed("application/json", "<html>")), {
    code: "http_bad_json",
    message: "The response says it is JSON but cannot be read as JSON: <html>",
    retryable: false,
  });
});

test("a status of 400 or more fails, with what the server said; only some are worth another try", async () => {
  for (const [status, retryable] of [
    [400, false],
    [404, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ] as const) {
    const failed = run({}, (response) => json(response, status, { why: "x" }));
    await assert.rejects(failed, {
      code: "http_status",
      retryable,
      details: { status, body: '{"why":"x"}' },
    });
  }
  const later = run({}, (response) => json(response, 429, {}, { "retry-after": "7" }));
  await assert.rejects(later, { details: { status: 429, body: "{}", retryAfterMs: 7_000 } });
});

test("of a long error body 2 KB are kept, whole characters without NUL", async () => {
  const text = `\0${"ü".repeat(3_000)}`;
  const failed = run({}, (response) => response.writeHead(500).end(text));
  await assert.rejects(failed, { details: { status: 500, body: `\ufffd${"ü".repeat(1_023)}` } });
});

test("failOnStatus false makes any status an output", async () => {
  const output = await run({ failOnStatus: false }, (response) => json(response, 404, { no: 1 }));
  assert.deepEqual([output.status, output.body], [404, { no: 1 }]);
});

test("Retry-After is seconds or a date, and nonsense is nothing", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(readRetryAfter("120", now), 120_000);
  assert.equal(readRetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", now), 30_000);
  assert.equal(readRetryAfter("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
  for (const value of [undefined, "", "-5", "1.5", "soon"])
    assert.equal(readRetryAfter(value, now), undefined);
});

test("a response over 1 MB is refused with a clear code, one of exactly 1 MB is not", async () => {
  const most = await run({}, typed("text/plain", "x".repeat(1_048_576)));
  assert.equal((most.body as string).length, 1_048_576);
  const tooMuch = run({}, typed("text/plain", "x".repeat(1_048_577)));
  await assert.rejects(tooMuch, { code: "output_too_large", retryable: false });
});

test("a lost connection and a late answer may be tried again", async () => {
  await assert.rejects(
    run({}, (response) => response.destroy()),
    { code: "egress_connection_failed", retryable: true },
  );
  await assert.rejects(
    run({ timeoutMs: 50 }, () => {}),
    { code: "timeout", retryable: true },
  );
});

test("a key in a header of one's own does not follow a redirect to another origin", async () => {
  const other = createServer((request, response) => json(response, 200, request.headers));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  const both = createEgress({ allowPrivate: [new URL(base).host, `127.0.0.1:${port}`] });
  answer = (response) => response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end();
  const config = { url: `${base}/x`, headers: { "X-Tenant": "s", Accept: "application/json" } };
  const outcome = await nodeRunners.get("http.request")?.(config, testContext({ ports: { http: both } }));
  await both.close();
  await new Promise((resolve) => other.close(resolve));
  assert.ok(outcome?.kind === "output");
  const { body } = outcome.output as { body: Record<string, string> };
  assert.equal(body.accept, "application/json");
  assert.equal(body["x-tenant"], undefined);
});

test("configs of another shape are refused before anything is sent", async () => {
  for (const config of [
    { url: 5 },
    { method: "get" },
    { headers: { a: {} } },
    { query: [] },
    { timeoutMs: 0 },
    { uri: "" },
  ]) {
    await assert.rejects(run(config), { code: "invalid_config" });
    assert.equal(seen.length, 0);
  }
});

test("it may be sent again unless the author says no, or leaves it to an expression", () => {
  const effect = findDefinition("http.request")?.effect;
  assert.ok(typeof effect === "function");
  assert.deepEqual(
    [{}, { repeatable: true }, { repeatable: false }, { repeatable: "{{ input.r }}" }].map(effect),
    ["idempotent", "idempotent", "effectful", "effectful"],
  );
});
