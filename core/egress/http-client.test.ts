// The client against real servers: what arrives, what comes back, and redirects (A42) end to end.
import assert from "node:assert/strict";
import type { IncomingMessage, RequestListener } from "node:http";
import test from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { AppError } from "#core/domain/app-error.ts";
import { createEgress, type EgressRequest } from "./http-client.ts";
import { startHttp } from "./loopback-server.ts";

const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

type Site = {
  base: string;
  port: number;
  request(request: Partial<EgressRequest>): ReturnType<ReturnType<typeof createEgress>["request"]>;
};

/** Runs `use` with an egress that may reach the server started for `listener`, and `also`. */
async function withSite(listener: RequestListener, use: (site: Site) => Promise<void>, also: string[] = []) {
  const server = await startHttp(listener);
  const egress = createEgress({ allowPrivate: [`127.0.0.1:${server.port}`, ...also] });
  const base = `http://127.0.0.1:${server.port}`;
  try {
    await use({
      base,
      port: server.port,
      request: (request) =>
        egress.request({ method: "GET", timeoutMs: 5_000, ...request, url: base + (request.url ?? "/") }),
    });
  } finally {
    await egress.close();
    await server.close();
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return text(Buffer.concat(await request.toArray()));
}

test("method, path, headers and body arrive; status, headers and body come back", () =>
  withSite(
    async (request, response) => {
      const { method, url, headers } = request;
      response.writeHead(418, { "Set-Cookie": ["a=1", "b=2"], "X-One": "1" });
      response.end(JSON.stringify({ method, url, headers, body: await bodyOf(request) }));
    },
    async ({ request, base, port }) => {
      const response = await request({
        method: "put",
        url: "/p?q=ä#f",
        headers: { "X-A": "1" },
        body: "ünï",
      });
      assert.equal(response.status, 418);
      assert.deepEqual(response.headers["set-cookie"], ["a=1", "b=2"]);
      assert.equal(response.headers["x-one"], "1");
      assert.equal(response.url, `${base}/p?q=%C3%A4#f`);
      const seen = JSON.parse(text(response.body));
      assert.deepEqual([seen.method, seen.url, seen.body], ["PUT", "/p?q=%C3%A4", "ünï"]);
      assert.equal(seen.headers["x-a"], "1");
      assert.equal(seen.headers.host, `127.0.0.1:${port}`);
      assert.equal(seen.headers["content-length"], "5");
      const bytes = await request({ method: "POST", body: new Uint8Array([0, 255]) });
      assert.equal(JSON.parse(text(bytes.body)).headers["content-length"], "2");
    },
  ));

const ENCODINGS: Record<string, (text: string) => Buffer> = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
  Deflate: deflateRawSync,
  "gzip, br": (plain) => brotliCompressSync(gzipSync(plain)),
};
for (const [encoding, encode] of Object.entries(ENCODINGS)) {
  test(`a body encoded as ${encoding} (${encode.name}) is decoded and the headers say so`, () =>
    withSite(
      (_request, response) =>
        response.setHeader("content-encoding", encoding).end(encode("hello ".repeat(99))),
      async ({ request }) => {
        const { body, headers } = await request({});
        assert.equal(text(body), "hello ".repeat(99));
        assert.equal(headers["content-encoding"], undefined);
        // The answer owns its memory: nothing of another request lies beside it.
        assert.equal(body.buffer.byteLength, body.byteLength);
      },
    ));
}

test("an unknown encoding stays as it came, a broken one fails for good, an empty one is empty", () =>
  withSite(
    (request, response) => {
      response.setHeader("content-encoding", request.url === "/zz" ? "zz" : "gzip");
      response.end(request.url === "/empty" ? "" : "plain");
    },
    async ({ request }) => {
      const unknown = await request({ url: "/zz" });
      assert.deepEqual([text(unknown.body), unknown.headers["content-encoding"]], ["plain", "zz"]);
      assert.equal((await request({ url: "/empty" })).body.byteLength, 0);
      assert.equal((await request({ method: "HEAD" })).body.byteLength, 0);
      await assert.rejects(
        request({}),
        (error) => hasCode("egress_connection_failed")(error) && !(error as AppError).retryable,
      );
    },
  ));

test("A42 a redirect to another origin arrives there without anything secret, and with the body of a 307", async () => {
  const target = await startHttp(async (request, response) => {
    const { method, headers } = request;
    response.end(JSON.stringify({ method, headers, body: await bodyOf(request) }));
  });
  await withSite(
    (request, response) =>
      response
        .writeHead(Number(request.url?.slice(1)), { location: `http://127.0.0.1:${target.port}/t` })
        .end(),
    async ({ request }) => {
      const headers = { Authorization: "Bearer x", Cookie: "a=b", "X-Key-Of-Vendor": "k", "X-Plain": "p" };
      for (const status of [302, 307]) {
        const response = await request({
          method: "POST",
          url: `/${status}`,
          headers,
          body: "data",
          sensitiveHeaders: ["x-key-of-VENDOR"],
        });
        const seen = JSON.parse(text(response.body));
        assert.equal(response.url, `http://127.0.0.1:${target.port}/t`);
        assert.deepEqual([seen.method, seen.body], status === 302 ? ["GET", ""] : ["POST", "data"]);
        assert.equal(seen.headers["x-plain"], "p");
        for (const name of ["authorization", "cookie", "x-key-of-vendor"])
          assert.equal(seen.headers[name], undefined);
      }
    },
    [`127.0.0.1:${target.port}`],
  );
  await target.close();
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`A42 a ${status} to a private address is refused and nothing connects`, async () => {
    const secret = await startHttp((_request, response) => response.end("secret"));
    const locations = ["127.0.0.1", "localhost", "[::ffff:7f00:1]", "2130706433"];
    await withSite(
      (request, response) =>
        response
          .writeHead(status, {
            location: `http://${locations[Number(request.url?.slice(1))]}:${secret.port}/`,
          })
          .end(),
      async ({ request }) => {
        for (const index of locations.keys()) {
          await assert.rejects(
            request({ url: `/${index}`, method: "POST", body: "x" }),
            hasCode("egress_denied"),
          );
        }
      },
    );
    assert.equal(secret.connections(), 0);
    await secret.close();
  });
}

test("A42 a redirect to file:, gopher: or data: is refused", () =>
  withSite(
    (request, response) => response.writeHead(302, { location: `${request.url?.slice(1)}:///x` }).end(),
    async ({ request }) => {
      for (const scheme of ["file", "gopher", "data"]) {
        await assert.rejects(request({ url: `/${scheme}` }), hasCode("egress_denied"), scheme);
      }
    },
  ));

test("A42 a loop ends after the fifth redirect, a chain of five arrives, and 0 returns the redirect", () => {
  let hits = 0;
  return withSite(
    (request, response) => {
      hits++;
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("arrived");
      else response.writeHead(302, { location: `/${left - 1}` }).end("x".repeat(100_000));
    },
    async ({ request }) => {
      await assert.rejects(request({ url: "/20" }), hasCode("egress_too_many_redirects"));
      assert.equal(hits, 6);
      assert.equal(text((await request({ url: "/5" })).body), "arrived");
      assert.equal((await request({ url: "/20", maxRedirects: 0 })).headers.location, "/19");
    },
  );
});

test("A43, A44 nothing is sent for a request that breaks the rules", () => {
  let hits = 0;
  return withSite(
    (_request, response) => {
      hits++;
      response.end();
    },
    async ({ request }) => {
      for (const bad of [
        { method: "GET\r\nX: y" },
        { headers: { "X-A": "a\r\nHost: b" } },
        { headers: { Host: "169.254.169.254" } },
        { headers: { "Proxy-Authorization": "x" } },
        { headers: { "Transfer-Encoding": "chunked" } },
        { url: "/\tx" },
      ]) {
        await assert.rejects(request(bad), hasCode("egress_invalid_request"), JSON.stringify(bad));
      }
      assert.equal(hits, 0);
    },
  );
});
