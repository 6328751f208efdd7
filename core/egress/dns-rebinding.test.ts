// A41 with a real name server on loopback: alias chains, and answers that change between two questions.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import test, { after, before } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import type { Lookup } from "./guarded-lookup.ts";
import { createEgress } from "./http-client.ts";
import { type LoopbackServer, startHttp } from "./loopback-server.ts";

const isDenied = (error: unknown) => error instanceof AppError && error.code === "egress_denied";

let secret: LoopbackServer;
before(async () => {
  secret = await startHttp((_request, response) => response.end("secret"));
});
after(() => secret.close());

const encodeName = (name: string) =>
  Buffer.concat([
    ...name.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.alloc(1),
  ]);

/** One resource record, class IN, time to live 0. Type 1 is A, 5 is CNAME. */
function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.from([0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([encodeName(owner), fixed, data]);
}

/** Answers every question with `records()`; gives the look-up that asks it. */
async function startNameServer(records: () => Buffer[]) {
  const socket = createSocket("udp4");
  let questions = 0;
  socket.on("message", (query, peer) => {
    questions++;
    const answers = records();
    const questionEnd = query.indexOf(0, 12) + 5;
    const header = Buffer.from([
      query[0] ?? 0,
      query[1] ?? 0,
      0x81,
      0x80,
      0,
      1,
      0,
      answers.length,
      0,
      0,
      0,
      0,
    ]);
    socket.send(
      Buffer.concat([header, query.subarray(12, questionEnd), ...answers]),
      peer.port,
      peer.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  const lookup: Lookup = async (name) =>
    (await resolver.resolve4(name)).map((address) => ({ address, family: 4 }));
  return { lookup, questions: () => questions, close: () => socket.close() };
}

test("A41 a chain of aliases that ends at a private address is refused", async () => {
  const names = await startNameServer(() => [
    record("start.test", 5, encodeName("middle.test")),
    record("middle.test", 5, encodeName("end.test")),
    record("end.test", 1, Buffer.from([127, 0, 0, 1])),
  ]);
  const egress = createEgress({ allowPrivate: [], lookup: names.lookup });
  const url = `http://start.test:${secret.port}/`;
  await assert.rejects(egress.request({ method: "GET", url }), isDenied);
  await egress.close();
  names.close();
  assert.equal(names.questions(), 1);
  assert.equal(secret.connections(), 0);
});

test("A41 a name that flips between a permitted and a private answer never reaches the private one (50 tries)", async () => {
  // 127.0.0.2 on this port is permitted and stands for the public address: no packet leaves the machine.
  let asked = 0;
  const names = await startNameServer(() => [
    record("flip.test", 1, Buffer.from([127, 0, 0, asked++ % 2 === 0 ? 2 : 1])),
  ]);
  const egress = createEgress({ allowPrivate: [`127.0.0.2:${secret.port}`], lookup: names.lookup });
  const codes = [];
  for (let attempt = 0; attempt < 50; attempt++) {
    const answer = egress.request({
      method: "GET",
      url: `http://flip.test:${secret.port}/`,
      timeoutMs: 2000,
    });
    codes.push(await answer.then(String, (error: AppError) => error.code));
  }
  await egress.close();
  names.close();
  assert.equal(codes.filter((code) => code === "egress_denied").length, 25);
  // One question for each connection: the answer that was checked is the answer that was used.
  assert.equal(names.questions(), 50);
  assert.equal(secret.connections(), 0);
});
