// A client that leaves in the middle of an archive without end: the reading ends all the same.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { type ZipEntry, zipEntries } from "./zip-entries.ts";

test("when the client leaves, nothing is read any more, neither of this entry nor of the next", {
  timeout: 20_000,
}, async () => {
  const ended = Promise.withResolvers<void>();
  let asked = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      for (;;) yield Buffer.alloc(100_000);
    } finally {
      ended.resolve();
    }
  }
  async function* entries(): AsyncGenerator<ZipEntry> {
    for (;;) {
      asked += 1;
      yield { path: `files/${asked}`, content: endless() };
    }
  }
  const server = createServer((_request, response) => {
    pipeline(zipEntries(entries()), response).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const [reply] = (await once(request({ port, host: "127.0.0.1" }).end(), "response")) as [IncomingMessage];
    await once(reply, "data");
    reply.destroy();
    await ended.promise;
    assert.equal(asked, 1);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
