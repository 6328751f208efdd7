// A40, A41, A46 for raw TCP: the same policy, and only a checked, connected socket comes out.
import assert from "node:assert/strict";
import net from "node:net";
import test, { after, before } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { createAddressPolicy } from "./address-policy.ts";
import { type Lookup, verifyPeer } from "./guarded-lookup.ts";
import { type LoopbackServer, startTcp } from "./loopback-server.ts";
import { createGuardedConnect } from "./tcp-connect.ts";

const fails = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const LOOPBACK = { address: "127.0.0.1", family: 4 };

let server: LoopbackServer;
before(async () => {
  server = await startTcp((socket) => socket.end("hello"));
});
after(() => server.close());

test("A40 A41 private hosts are refused in every spelling and by name, and nothing connects", async () => {
  const connect = createGuardedConnect({ allowPrivate: [], lookup: async () => [LOOPBACK] });
  const hosts = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0",
    "::1",
    "[::1]",
    "::ffff:127.0.0.1",
    "localhost",
  ];
  for (const host of [...hosts, "localhost.", "①②⑦.0.0.1", "name.test", "10.0.0.1", "fe80::1%lo"]) {
    await assert.rejects(connect({ host, port: server.port, timeoutMs: 1000 }), fails("egress_denied"), host);
  }
  assert.equal(server.connections(), 0);
});

test("A46 a path, an empty host and a bad port are refused, and 5432 on a public name", async () => {
  const lookup: Lookup = async () => [{ address: "3ffe::1", family: 6 }];
  const connect = createGuardedConnect({ allowPrivate: [], lookup });
  for (const host of ["", "/run/postgresql/.s.PGSQL.5432", "a b", "u@h", "h:1"]) {
    await assert.rejects(
      connect({ host, port: server.port, timeoutMs: 1000 }),
      fails("egress_invalid_request"),
      host,
    );
  }
  for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
    await assert.rejects(connect({ host: "h.test", port, timeoutMs: 1000 }), fails("egress_invalid_request"));
  }
  await assert.rejects(connect({ host: "db.test", port: 5432, timeoutMs: 1000 }), fails("egress_denied"));
});

test("an allowed pair gives a connected socket", async () => {
  const allowPrivate = [`db.test:${server.port}`];
  const connect = createGuardedConnect({ allowPrivate, lookup: async () => [LOOPBACK] });
  const socket = await connect({ host: "DB.test", port: server.port, timeoutMs: 1000 });
  assert.equal(Buffer.concat(await socket.toArray()).toString(), "hello");
});

test("a resolver that never answers is a timeout, a closed port a failed connection", async () => {
  const hanging: Lookup = () => new Promise(() => {});
  const never = createGuardedConnect({ allowPrivate: [], lookup: hanging });
  await assert.rejects(never({ host: "slow.test", port: 80, timeoutMs: 50 }), fails("timeout"));
  const gone = await startTcp(() => {});
  await gone.close();
  const connect = createGuardedConnect({ allowPrivate: [`127.0.0.1:${gone.port}`] });
  const refused = connect({ host: "127.0.0.1", port: gone.port, timeoutMs: 1000 });
  await assert.rejects(refused, fails("egress_connection_failed"));
});

test("an abort ends a look-up under way, with its own reason", { timeout: 30_000 }, async () => {
  const controller = new AbortController();
  const reason = new AppError("cancelled", "by a person");
  const hanging: Lookup = () => {
    setImmediate(() => controller.abort(reason));
    return new Promise(() => {});
  };
  const connect = createGuardedConnect({ allowPrivate: [], lookup: hanging });
  const target = { host: "slow.test", port: 80, timeoutMs: 600_000, signal: controller.signal };
  await assert.rejects(connect(target), (error) => error === reason);
  await assert.rejects(connect(target), (error) => error === reason, "aborted before it began");
});

test("A41 a socket that ended up at a private peer all the same is destroyed", async () => {
  const socket = net.connect(server.port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  const policy = createAddressPolicy({ allowPrivate: [] });
  const target = { hostname: "name.test", port: server.port };
  assert.throws(() => verifyPeer(policy, target, socket), fails("egress_denied"));
  assert.equal(socket.destroyed, true);
  assert.throws(() => verifyPeer(policy, target, new net.Socket()), fails("egress_denied"));
});
