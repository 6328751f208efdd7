// Uploads and downloads that do not go well.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as openRequest } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createReadRecorder } from "#core/services/audit/record-reads.ts";
import { createFileService } from "#core/services/files/files.ts";
import { type RouteServer, startRouteServer } from "../../test/support/route-server.ts";
import { createFileRoutes } from "./files.ts";

type Person = Awaited<ReturnType<RouteServer["addPerson"]>>;
const MEBIBYTE = 1_048_576;
// More than the sockets of a connection buffer (10 MB at most here), so that a reader can be stuck.
const MAX_BYTES = 16 * MEBIBYTE;

let server: RouteServer;
let alice: Person;

before(async () => {
  server = await startRouteServer((database) =>
    createFileRoutes({
      files: createFileService({ database, reads: createReadRecorder({ database }), maxBytes: MAX_BYTES }),
    }),
  );
  alice = await server.addPerson("alice");
});

after(() => server?.close());

const authorization = () => ({ authorization: `Bearer ${alice.userId}` });

async function rowsLeft(): Promise<{ files: number; chunks: number }> {
  const { rows } = await server.admin.query(
    "select (select count(*)::int from files) as files, (select count(*)::int from file_chunks) as chunks",
  );
  return rows[0];
}

/** Asks again until it holds; the test's own time limit ends a wait in vain. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

const NOTHING = { files: 0, chunks: 0 };

for (const [kind, headers] of [
  ["announced", { "content-length": String(3 * MEBIBYTE) }],
  ["chunked", {}],
] as const) {
  test(`an upload broken off in the middle (${kind}) shows nothing and leaves nothing`, {
    timeout: 30_000,
  }, async () => {
    const upload = openRequest(`${server.url}/api/files?name=half`, {
      method: "POST",
      headers: { ...authorization(), ...headers },
    });
    upload.on("error", () => {});
    upload.write(randomBytes(2 * MEBIBYTE));
    await eventually(async () => (await rowsLeft()).chunks >= 4);
    const listed = await server.call<{ items: unknown[] }>(alice, "GET", "/api/files");
    assert.deepEqual(listed.body.items, [], "an unfinished file is not listed");
    const { rows } = await server.admin.query("select id from files");
    assert.equal((await server.call(alice, "GET", `/api/files/${rows[0].id}`)).status, 404);
    assert.equal((await server.call(alice, "DELETE", `/api/files/${rows[0].id}`)).status, 404);
    upload.destroy();
    await eventually(async () => (await rowsLeft()).files === 0);
    assert.deepEqual(await rowsLeft(), NOTHING);
  });
}

test("what is announced too large is refused before a byte is read", async () => {
  const upload = openRequest(`${server.url}/api/files?name=big`, {
    method: "POST",
    headers: { ...authorization(), "content-length": String(MAX_BYTES + 1) },
  });
  upload.on("error", () => {});
  upload.flushHeaders();
  const [response] = await once(upload, "response");
  assert.equal(response.statusCode, 413);
  upload.destroy();
  assert.deepEqual(await rowsLeft(), NOTHING);
});

test("what turns out too large is refused with 413 and leaves nothing, the limit itself fits", async () => {
  async function* pieces(size: number) {
    for (let sent = 0; sent < size; sent += 65_536) yield randomBytes(Math.min(65_536, size - sent));
  }
  const send = (size: number) =>
    fetch(`${server.url}/api/files?name=big`, {
      method: "POST",
      headers: authorization(),
      body: ReadableStream.from(pieces(size)),
      duplex: "half",
    } as RequestInit);
  const refused = await send(MAX_BYTES + 4 * MEBIBYTE);
  assert.equal(refused.status, 413);
  assert.equal(((await refused.json()) as { code: string }).code, "file_too_large");
  assert.deepEqual(await rowsLeft(), NOTHING);
  const fits = await send(MAX_BYTES);
  assert.equal(fits.status, 201);
  const { id } = (await fits.json()) as { id: string };
  assert.equal((await server.call(alice, "DELETE", `/api/files/${id}`)).status, 204);
});

test("a reader that goes away in the middle holds no connection and harms nobody", {
  timeout: 30_000,
}, async () => {
  const stored = await fetch(`${server.url}/api/files?name=x`, {
    method: "POST",
    headers: authorization(),
    body: Uint8Array.from(randomBytes(MAX_BYTES)),
  });
  const { id, size } = (await stored.json()) as { id: string; size: number };
  const { port } = new URL(server.url);
  // More of them than the pool has connections: each reads a little, then nothing.
  const readers = Array.from({ length: 15 }, () => connect(Number(port), "127.0.0.1"));
  for (const reader of readers) {
    reader.write(`GET /api/files/${id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.userId}\r\n\r\n`);
    await once(reader, "readable");
  }
  const whole = await fetch(`${server.url}/api/files/${id}`, { headers: authorization() });
  assert.equal((await whole.arrayBuffer()).byteLength, size);
  for (const reader of readers) reader.destroy();
  assert.equal((await server.call(alice, "GET", "/api/files")).status, 200);
});

test("a file deleted while it is read ends the connection, it is not sent as whole", {
  timeout: 30_000,
}, async () => {
  const stored = await fetch(`${server.url}/api/files?name=x`, {
    method: "POST",
    headers: authorization(),
    body: Uint8Array.from(randomBytes(MAX_BYTES)),
  });
  const { id } = (await stored.json()) as { id: string };
  await server.admin.query("delete from file_chunks where file_id = $1 and seq >= 6", [id]);
  const broken = await fetch(`${server.url}/api/files/${id}`, { headers: authorization() });
  await assert.rejects(broken.arrayBuffer());
});
