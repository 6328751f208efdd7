// The outside world for credential tests: it says back, in many spellings, whatever it was sent.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { zstdCompressSync } from "node:zlib";

export type Echoed = { path: string; headers: IncomingHttpHeaders };

export type EchoServer = {
  url: string;
  /** host:port, for ALLOW_PRIVATE_EGRESS and allowedHosts. */
  address: string;
  /** Everything received, in order. */
  requests: Echoed[];
  /** Runs while a request waits for its answer. */
  onRequest: (request: Echoed) => Promise<void>;
  close(): Promise<void>;
};

/**
 * `/fail` answers 401 and `/broken` answers 500 with the echo, `/packed` is 200 with the echo in zstd and of no type, `/to/URL` redirects there, `/vault…` is a Vault with
 * `{key: vaultValue}` everywhere; anything else is 200 with the echo.
 */
export async function startEchoServer(vaultValue = ""): Promise<EchoServer> {
  const server = createServer(async (request, response) => {
    const { url: path = "/", headers } = request;
    request.resume();
    const echoed = { path, headers };
    echo.requests.push(echoed);
    await echo.onRequest(echoed);
    if (path.startsWith("/to/")) {
      response.writeHead(307, { location: decodeURIComponent(path.slice(4)) }).end();
      return;
    }
    const status = path.startsWith("/fail") ? 401 : path.startsWith("/broken") ? 500 : 200;
    const body = path.startsWith("/vault")
      ? { data: { data: { key: vaultValue } } }
      : { said: spell(headers) };
    const shown = Object.entries(headers).find(([name]) => name.startsWith("x-key"))?.[1];
    const packed = path.startsWith("/packed") ? zstdCompressSync(JSON.stringify(body)) : null;
    response.writeHead(status, {
      "content-type": "application/json",
      ...(packed && { "content-type": "application/octet-stream", "content-encoding": "zstd" }),
      "x-auth": String(headers.authorization ?? shown ?? ""),
    });
    response.end(packed ?? JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const echo: EchoServer = {
    url: `http://${address}`,
    address,
    requests: [],
    onRequest: async () => {},
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return echo;
}

const USUAL = /^(host|connection|accept|accept-encoding|user-agent|idempotency-key)$/;

function spell(headers: IncomingHttpHeaders) {
  const unusual = Object.entries(headers).filter(([name]) => !USUAL.test(name));
  return unusual.map(([name, value]) => {
    const text = String(value);
    const bytes = Buffer.from(text);
    const basic = text.startsWith("Basic ") ? Buffer.from(text.slice(6), "base64").toString() : "";
    return {
      [name]: text,
      inText: `I was sent "${name}: ${text}" just now`,
      json: JSON.stringify({ [name]: text }),
      base64: bytes.toString("base64"),
      padded: Buffer.from(`x${text}`).toString("base64url"),
      hex: bytes.toString("hex"),
      encoded: encodeURIComponent(text),
      form: new URLSearchParams({ text }).toString(),
      basic,
      [text]: "as a key",
    };
  });
}
