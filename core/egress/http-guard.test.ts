// A40, A41, A45, A46, A48 through the real client: a private listener counts, and must count nothing.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { promisify } from "node:util";
import { AppError } from "#core/domain/app-error.ts";
import type { Lookup } from "./guarded-lookup.ts";
import { createEgress } from "./http-client.ts";
import { type LoopbackServer, startHttp, startTcp } from "./loopback-server.ts";

const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const isDenied = hasCode("egress_denied");
// Public by number, given back by its owner and routed nowhere: no packet of a test reaches a stranger.
const NOWHERE = { address: "3ffe::1", family: 6 };
const LOOPBACK = { address: "127.0.0.1", family: 4 };

let secret: LoopbackServer;
before(async () => {
  secret = await startHttp((_request, response) => response.end("secret"));
});
after(() => secret.close());

async function refuses(url: string, lookup?: Lookup): Promise<void> {
  const egress = createEgress({ allowPrivate: [], ...(lookup && { lookup }) });
  try {
    await assert.rejects(egress.request({ method: "GET", url, timeoutMs: 5_000 }), isDenied, url);
  } finally {
    await egress.close();
  }
  assert.equal(secret.connections(), 0, url);
}

const SPELLINGS = `127.0.0.1 127.1 0x7f.1 0x7f000001 017700000001 0177.0.0.1 2130706433 0 0.0.0.0 127.0.0.1. 127.127.127.127
  [::] [::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::]
  [2001:0:7f00:1::] [::ffff:0:7f00:1] [fe80::1] [fd00:ec2::254] [fec0::1] 100.64.0.1 169.254.169.254 0xa9fea9fe
  2852039166 100.100.100.200 168.63.129.16 192.0.0.192 198.18.0.1 240.0.0.1 ①②⑦.0.0.1 １２７.0.0.1 127.0.0.1。 127。0。0。1
  localhost localhost. LOCALHOST a.localhost ⓛocalhost %6c%6fcalhost %31%32%37.0.0.1 127%2e0.0.1`;
for (const host of SPELLINGS.split(/\s+/)) {
  test(`A40 ${host} is refused and nothing connects`, () => refuses(`http://${host}:${secret.port}/`));
}

const ANSWERS: Record<string, Awaited<ReturnType<Lookup>>> = {
  "a private A record": [LOOPBACK],
  "a public and a private A record": [{ address: "8.8.8.8", family: 4 }, LOOPBACK],
  "a private AAAA and a public A record": [
    { address: "fd00::1", family: 6 },
    { address: "8.8.8.8", family: 4 },
  ],
  "a mapped private AAAA record": [{ address: "::ffff:127.0.0.1", family: 6 }],
  "an answer that is no address": [{ address: "0x7f.1", family: 4 }],
};
for (const [kind, answers] of Object.entries(ANSWERS)) {
  test(`A41 a name with ${kind} is refused`, () =>
    refuses(`http://name.test:${secret.port}/`, async () => answers));
}

test("A41 the socket goes to the checked answer, not to what the system would resolve", async () => {
  const server = await startHttp((_request, response) => response.end("here"));
  const egress = createEgress({
    allowPrivate: [`pinned.test:${server.port}`],
    lookup: async () => [LOOPBACK],
  });
  const response = await egress.request({ method: "GET", url: `http://pinned.test:${server.port}/` });
  assert.equal(Buffer.from(response.body).toString(), "here");
  await egress.close();
  await server.close();
});

test("an allowed pair works by name and by address, its neighbours do not", async () => {
  const egress = createEgress({ allowPrivate: [`127.0.0.1:${secret.port}`] });
  const other = await startHttp((_request, response) => response.end("other"));
  const get = (host: string) => egress.request({ method: "GET", url: `http://${host}/` });
  const before = secret.connections();
  assert.equal((await get(`127.1:${secret.port}`)).status, 200);
  assert.equal((await get(`[::ffff:127.0.0.1]:${secret.port}`)).status, 200);
  // Kept connections of the allowed pair serve no other origin.
  await assert.rejects(get(`127.0.0.2:${secret.port}`), isDenied);
  await assert.rejects(get(`127.0.0.1:${other.port}`), isDenied);
  await assert.rejects(get(`[::1]:${secret.port}`), isDenied);
  assert.equal(other.connections(), 0);
  await egress.close();
  await other.close();
  assert.ok(secret.connections() > before);
  await secret.close();
  secret = await startHttp((_request, response) => response.end("secret"));
});

test("A45 proxy variables and a switched-off certificate check do not get around the guard", async () => {
  const proxy = await startHttp((_request, response) => response.end("proxied"));
  const address = `http://127.0.0.1:${proxy.port}`;
  const script = `
    import { createEgress } from "#core/egress/http-client.ts";
    const egress = createEgress({ allowPrivate: [], limits: { connectTimeoutMs: 200 },
      lookup: async () => [{ address: "3ffe::1", family: 6 }] });
    for (const url of ["http://public.test/", "https://public.test/", "http://127.0.0.1:${secret.port}/"]) {
      await egress.request({ method: "GET", url, timeoutMs: 1000 })
        .then((response) => console.log("answered", response.status), (error) => console.log(error.code));
    }
    await egress.close();`;
  const variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    env: {
      ...process.env,
      ...Object.fromEntries(variables.map((name) => [name, address])),
      NO_PROXY: "",
      no_proxy: "",
      NODE_USE_ENV_PROXY: "1",
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    },
  });
  const codes = stdout.trim().split("\n");
  assert.equal(codes.length, 3);
  assert.equal(codes.includes("answered 200"), false);
  assert.equal(codes[2], "egress_denied");
  await proxy.close();
  assert.equal(proxy.connections(), 0);
  assert.equal(secret.connections(), 0);
});

test("A46 no spelling reaches a unix socket", async () => {
  const folder = await mkdtemp(join(tmpdir(), "egress-"));
  const path = join(folder, "s");
  const server = await startTcp((socket) => socket.end(), path);
  const egress = createEgress({ allowPrivate: [], lookup: async () => [LOOPBACK] });
  for (const url of [`unix:${path}`, `http+unix://${encodeURIComponent(path)}/`, `http://unix:${path}:/x`]) {
    await assert.rejects(egress.request({ method: "GET", url }), isDenied, url);
  }
  const encoded = `http://${encodeURIComponent(path)}/`;
  await assert.rejects(egress.request({ method: "GET", url: encoded }), hasCode("egress_invalid_request"));
  const sneaky = { method: "GET", url: "http://a.test/", socketPath: path, origin: "http://b.test" };
  await assert.rejects(egress.request(sneaky), isDenied);
  await egress.close();
  await server.close();
  await rm(folder, { recursive: true });
  assert.equal(server.connections(), 0);
});

test("A46 the ports of mail, PostgreSQL and Redis are refused on a public name", async () => {
  for (const port of [25, 5432, 6379]) await refuses(`http://name.test:${port}/`, async () => [NOWHERE]);
});

test("A48 our own services are refused on every address of this host", async () => {
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const everywhere = await startTcp((socket) => socket.end(), { host: "0.0.0.0", port: 0 });
  for (const { address, family } of own) {
    const host = family === "IPv6" ? `[${address}]` : address;
    await refuses(`http://${host}:${everywhere.port}/`);
  }
  await refuses(`http://api.test:${everywhere.port}/`, async () => [LOOPBACK]);
  const egress = createEgress({ allowPrivate: [], ownAddresses: ["3ffe::1"], lookup: async () => [NOWHERE] });
  for (const url of ["http://us.test/", "http://[3ffe:0::1]/"]) {
    await assert.rejects(egress.request({ method: "GET", url }), isDenied, url);
  }
  await egress.close();
  await everywhere.close();
  assert.equal(everywhere.connections(), 0);
});
