// A45 over TLS: a certificate nobody vouches for ends the connection before a request is sent, whatever the environment says.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { createEgress } from "./http-client.ts";

/** One DER element; every content here is shorter than 64 KB. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}
const sequence = (...content: Buffer[]) => der(0x30, ...content);
const utcTime = (text: string) => der(0x17, Buffer.from(text));

/** A self-signed X.509 version 1 certificate for 127.0.0.1, made on the spot so that no key lies in the repository. */
function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(der(6, Buffer.from("2a8648ce3d040302", "hex")));
  const commonName = sequence(der(6, Buffer.from("550403", "hex")), der(0x0c, Buffer.from("127.0.0.1")));
  const name = sequence(der(0x31, commonName));
  const validity = sequence(utcTime("200101000000Z"), utcTime("490101000000Z"));
  const spki = publicKey.export({ type: "spki", format: "der" });
  const toBeSigned = sequence(der(2, Buffer.from([1])), ecdsaWithSha256, name, validity, name, spki);
  const signature = der(3, Buffer.from([0]), sign("sha256", toBeSigned, privateKey));
  const body = sequence(toBeSigned, ecdsaWithSha256, signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${body.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
  };
}

test("A45 NODE_TLS_REJECT_UNAUTHORIZED=0 does not make an unknown certificate good, and it is not tried again", async (t) => {
  let requests = 0;
  let handshakes = 0;
  const server = createServer(selfSigned(), (_request, response) => {
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
