// A45 over TLS: a certificate nobody vouches for ends the connection before a request is sent, whatever the environment says.
import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { createEgress } from "./http-client.ts";
import { selfSigned } from "./self-signed.ts";

test("A45 NODE_TLS_REJECT_UNAUTHORIZED=0 does not make an unknown certificate good, and it is not tried again", async (t) => {
  let requests = 0;
  let handshakes = 0;
  const server = createServer(selfSigned("127.0.0.1"), (_request, response) => {
    requests++;
    response.end();
  });
  server.on("connection", () => handshakes++).unref();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  t.after(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    server.close();
  });
  const egress = createEgress({ allowPrivate: [`127.0.0.1:${port}`] });
  await assert.rejects(
    egress.request({ method: "GET", url: `https://127.0.0.1:${port}/` }),
    (error) =>
      error instanceof AppError &&
      error.code === "egress_connection_failed" &&
      !error.retryable &&
      (error.cause as { code?: string }).code === "DEPTH_ZERO_SELF_SIGNED_CERT",
  );
  await egress.close();
  assert.deepEqual([handshakes, requests], [1, 0]);
});
