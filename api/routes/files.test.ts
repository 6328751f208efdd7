import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createReadRecorder } from "#core/services/audit/record-reads.ts";
import { createFileService, type FileService } from "#core/services/files/files.ts";
import { type RouteServer, startRouteServer } from "../../test/support/route-server.ts";
import { createFileRoutes } from "./files.ts";

type Person = Awaited<ReturnType<RouteServer["addPerson"]>>;
type Stored = {
  id: string;
  name: string;
  size: number;
  contentType: string;
  sha256: string;
  workspaceId: string;
  createdAt: string;
};

let server: RouteServer;
let files: FileService;
let alice: Person;
let bob: Person;

before(async () => {
  server = await startRouteServer((database) => {
    files = createFileService({ database, reads: createReadRecorder({ database }) });
    return createFileRoutes({ files });
  });
  alice = await server.addPerson("alice");
  bob = await server.addPerson("bob");
});

after(() => server?.close());

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const send = (person: Person, path: string, init: RequestInit = {}) =>
  fetch(server.url + path, {
    ...init,
    headers: { authorization: `Bearer ${person.userId}`, ...(init.headers as Record<string, string>) },
  });

async function upload(bytes: Uint8Array<ArrayBuffer>, query = "name=a.bin", contentType = "text/csv") {
  const headers = { "content-type": contentType };
  const response = await send(alice, `/api/files?${query}`, { method: "POST", body: bytes, headers });
  return { status: response.status, body: (await response.json()) as Stored };
}

async function download(id: string, headers: Record<string, string> = {}) {
  const response = await send(alice, `/api/files/${id}`, { headers });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}

test("files of every size come back byte for byte with their hash", async () => {
  const chunk = 262_144;
  for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 4 * chunk, 9 * chunk + 17]) {
    const bytes = Uint8Array.from(randomBytes(size));
    const { status, body } = await upload(bytes, "name=data.csv");
    assert.equal(status, 201);
    assert.deepEqual(
      [body.name, body.size, body.contentType, body.sha256, body.workspaceId],
      ["data.csv", size, "text/csv", sha256(bytes), alice.workspaceId],
    );
    const { response, bytes: received } = await download(body.id);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-length"), String(size));
    assert.equal(sha256(received), body.sha256, `${size} bytes`);
    const { rows } = await server.admin.query(
      "select count(*)::int as chunks, coalesce(max(length(bytes)), 0) as longest from file_chunks where file_id = $1",
      [body.id],
    );
    assert.deepEqual(rows, [{ chunks: Math.ceil(size / chunk), longest: Math.min(size, chunk) }]);
  }
});

test("A52: a download is an attachment that no browser runs, under its real name", async () => {
  const name = `Über"sicht; 100%'(1)*.html`;
  const { body } = await upload(
    Uint8Array.from([1]),
    `name=${encodeURIComponent(name)}`,
    "text/html; charset=utf-8",
  );
  assert.equal(body.name, name);
  const { response } = await download(body.id);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.match(response.headers.get("content-security-policy") ?? "", /sandbox/);
  assert.equal(response.headers.get("etag"), `"${body.sha256}"`);
  const disposition = response.headers.get("content-disposition") ?? "";
  const [, ascii, encoded = ""] =
    /^attachment; filename="([^"]+)"; filename\*=UTF-8''([\w.~!%-]+)$/.exec(disposition) ?? [];
  assert.equal(ascii, "_ber_sicht; 100_'(1)*.html");
  assert.equal(decodeURIComponent(encoded), name);
});

test("a range over a chunk's border is cut exactly; HEAD and If-None-Match send no bytes", async () => {
  const bytes = Uint8Array.from(randomBytes(600_000));
  const { body } = await upload(bytes);
  const stored = await files.get(alice, body.id);
  for (const [range, start, end] of [
    ["bytes=262140-262150", 262_140, 262_150],
    ["bytes=0-0", 0, 0],
    ["bytes=524288-", 524_288, 599_999],
    ["bytes=-10", 599_990, 599_999],
    ["bytes=0-599999", 0, 599_999],
  ] as const) {
    const { response, bytes: part } = await download(body.id, { range });
    assert.equal(response.status, 206, range);
    assert.equal(response.headers.get("content-range"), `bytes ${start}-${end}/600000`);
    assert.deepEqual(part, Buffer.from(bytes.subarray(start, end + 1)), range);
    // A client stops at Content-Length, so one byte too many would not show above.
    const read = await Array.fromAsync(await files.read(alice, stored, { start, end }));
    assert.equal(Buffer.concat(read).length, end - start + 1, range);
  }
  const beyond = await download(body.id, { range: "bytes=600000-" });
  assert.deepEqual(
    [beyond.response.status, beyond.response.headers.get("content-range")],
    [416, "bytes */600000"],
  );
  assert.equal(JSON.parse(beyond.bytes.toString()).code, "range_not_satisfiable");
  const other = await download(body.id, { range: "bytes=0-9", "if-range": '"another"' });
  assert.deepEqual([other.response.status, other.bytes.length], [200, 600_000]);
  const cached = await download(body.id, { "if-none-match": `W/"x", "${body.sha256}"` });
  assert.deepEqual([cached.response.status, cached.bytes.length], [304, 0]);
  const head = await send(alice, `/api/files/${body.id}`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "600000"]);
});

test("A51: bad names, types and encodings are refused with 400 and 415", async () => {
  const one = Uint8Array.from([1]);
  for (const name of ["..", "a%2Fb", "a%5Cb", "a%00b", "%0d%0ax", "", "x".repeat(201)]) {
    assert.equal((await upload(one, `name=${name}`)).status, 400, name);
  }
  assert.equal((await upload(one, "name=a&extra=1")).status, 400);
  assert.equal((await upload(one, "name=a&workspaceId=1")).status, 400);
  assert.equal((await upload(one, "name=a", "nonsense")).status, 400);
  const headers = { "content-encoding": "gzip" };
  const packed = await send(alice, "/api/files?name=a", { method: "POST", body: one, headers });
  assert.equal(packed.status, 415);
  await packed.body?.cancel();
  const bare = await send(alice, "/api/files", { method: "POST", body: one });
  const stored = (await bare.json()) as Stored;
  assert.deepEqual([bare.status, stored.name, stored.contentType], [201, "file", "application/octet-stream"]);
});

test("a JSON file is stored as the bytes it has", async () => {
  const text = '{ "a" : 1 }';
  const { status, body } = await upload(
    Uint8Array.from(Buffer.from(text)),
    "name=a.json",
    "application/json",
  );
  assert.equal(status, 201);
  assert.equal((await download(body.id)).bytes.toString(), text);
});

test("foreign files answer 404 on every route, a viewer's delete 403", async () => {
  const { body } = await upload(Uint8Array.from([1, 2, 3]));
  for (const id of [body.id, uuidv7(), "no-uuid"]) {
    for (const method of ["GET", "DELETE"]) {
      assert.equal((await server.call(bob, method, `/api/files/${id}`)).status, 404, `${method} ${id}`);
    }
  }
  const intruder = await send(bob, `/api/files?name=a&workspaceId=${alice.workspaceId}`, {
    method: "POST",
    body: "x",
  });
  assert.equal(intruder.status, 404);
  await intruder.body?.cancel();
  assert.equal((await server.call(bob, "GET", `/api/files?workspaceId=${alice.workspaceId}`)).status, 404);
  assert.deepEqual((await server.call(bob, "GET", "/api/files")).body, { items: [], nextCursor: null });
  const vera = await server.addPerson("vera");
  await server.addMember(vera, alice.workspaceId, "viewer");
  assert.equal((await server.call(vera, "DELETE", `/api/files/${body.id}`)).status, 403);
  assert.equal((await download(body.id)).bytes.length, 3);
});

test("files are listed newest first over pages, and deleted with their bytes and a log entry", async () => {
  const carol = await server.addPerson("carol");
  const ids: string[] = [];
  for (const name of ["1", "2", "3"]) {
    const response = await send(carol, `/api/files?name=${name}`, { method: "POST", body: name });
    ids.push(((await response.json()) as Stored).id);
  }
  type Page = { items: Stored[]; nextCursor: string | null };
  const first = await server.call<Page>(carol, "GET", "/api/files?limit=2");
  assert.deepEqual(
    first.body.items.map((file) => file.name),
    ["3", "2"],
  );
  const second = await server.call<Page>(carol, "GET", `/api/files?limit=2&cursor=${first.body.nextCursor}`);
  assert.deepEqual([second.body.items.map((file) => file.name), second.body.nextCursor], [["1"], null]);

  assert.equal((await server.call(carol, "DELETE", `/api/files/${ids[0]}`)).status, 204);
  assert.equal((await server.call(carol, "DELETE", `/api/files/${ids[0]}`)).status, 404);
  assert.equal((await server.call(carol, "GET", `/api/files/${ids[0]}`)).status, 404);
  const chunks = await server.admin.query("select 1 from file_chunks where file_id = $1", [ids[0]]);
  assert.equal(chunks.rowCount, 0);
  const { rows } = await server.admin.query(
    "select action, actor_id from audit_logs where target_id = $1 order by seq",
    [ids[0]],
  );
  assert.deepEqual(rows, [
    { action: "file.created", actor_id: carol.userId },
    { action: "file.deleted", actor_id: carol.userId },
  ]);
});
