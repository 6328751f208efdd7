// TLS to a real PostgreSQL behind a server that ends it: which certificates are good enough, and what goes out before.
import assert from "node:assert/strict";
import net from "node:net";
import test, { after, before } from "node:test";
import tls from "node:tls";
import type { AppError } from "#core/domain/app-error.ts";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import type { Lookup } from "../guarded-lookup.ts";
import { type LoopbackServer, startTcp } from "../loopback-server.ts";
import { selfSigned } from "../self-signed.ts";
import { createSqlClient } from "./sql-client.ts";

const certificate = selfSigned("db.test");
const lookup: Lookup = async () => [{ address: "127.0.0.1", family: 4 }];
const trusted = tls.getCACertificates("default");

let database: TestDatabase;
let front: LoopbackServer;
/** What came in plain text behind the request for TLS. */
let names: (string | false | null)[] = [];
let extra = Buffer.alloc(0);

before(async () => {
  database = await createTestDatabase();
  const back = new URL(database.databaseUrl);
  front = await startTcp((raw) => {
    raw.once("data", (request) => {
      assert.equal(request.toString("hex"), "0000000804d2162f");
      raw.write(Buffer.concat([Buffer.from("S"), extra]));
      const secure = new tls.TLSSocket(raw, { isServer: true, ...certificate });
      secure.on("error", () => raw.destroy());
      secure.once("secure", () => {
        names.push((secure as tls.TLSSocket & { servername: string | false }).servername);
        const server = net.connect(Number(back.port), back.hostname);
        server.on("error", () => raw.destroy()).on("close", () => raw.destroy());
        secure.on("close", () => server.destroy());
        secure.pipe(server).pipe(secure);
      });
    });
  });
});
after(async () => {
  tls.setDefaultCACertificates(trusted);
  await front?.close();
  await database?.drop();
});

/** The code of the failure, with that of its cause, or "fine". */
async function outcome(host: string, mode: string): Promise<string> {
  const url = new URL(database.databaseUrl);
  Object.assign(url, { hostname: host, port: String(front.port) });
  if (mode !== "") url.searchParams.set("sslmode", mode);
  const client = createSqlClient({ allowPrivate: [`${host}:${front.port}`], allowPlaintext: [], lookup });
  const limits = {
    mode: "read",
    maxRows: 5,
    timeoutMs: 5_000,
    signal: new AbortController().signal,
  } as const;
  return client.run({ url: url.toString(), query: "select 1 as one", params: [], ...limits }).then(
    ({ rows }) => {
      assert.deepEqual(rows, [{ one: 1 }]);
      return "fine";
    },
    ({ code, cause }: AppError) => `${code} ${(cause as { code?: string } | undefined)?.code ?? ""}`.trim(),
  );
}

test("A45 an unknown certificate is refused in every mode, whatever the environment says", async (t) => {
  const given = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  t.after(() => {
    if (given === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = given;
  });
  for (const mode of ["", "require", "verify-ca", "verify-full"]) {
    assert.equal(
      await outcome("db.test", mode),
      "egress_connection_failed DEPTH_ZERO_SELF_SIGNED_CERT",
      mode,
    );
  }
});

test("a trusted certificate is good for its own name, and with verify-ca for any", async () => {
  tls.setDefaultCACertificates([certificate.cert]);
  names = [];
  for (const mode of ["", "require", "verify-ca", "verify-full"])
    assert.equal(await outcome("db.test", mode), "fine", mode);
  assert.deepEqual(names, ["db.test", "db.test", "db.test", "db.test"]);
  for (const mode of ["", "require", "verify-full"]) {
    assert.equal(
      await outcome("other.test", mode),
      "egress_connection_failed ERR_TLS_CERT_ALTNAME_INVALID",
      mode,
    );
  }
  assert.equal(await outcome("other.test", "verify-ca"), "fine");
  // To this host TLS is a choice; chosen, it is checked as anywhere.
  assert.equal(
    await outcome("127.0.0.1", "require"),
    "egress_connection_failed ERR_TLS_CERT_ALTNAME_INVALID",
  );
});

test("bytes that somebody on the way puts before TLS end the connection", async () => {
  tls.setDefaultCACertificates([certificate.cert]);
  extra = Buffer.from("E\0\0\0\x08no\0\0");
  assert.equal(await outcome("db.test", "verify-full"), "sql_tls_refused");
});
