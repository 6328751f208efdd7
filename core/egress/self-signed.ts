// Test support: certificates that nobody vouches for.
import { generateKeyPairSync, sign } from "node:crypto";

/** One DER element; every content here is shorter than 64 KB. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}
const sequence = (...content: Buffer[]) => der(0x30, ...content);
const utcTime = (text: string) => der(0x17, Buffer.from(text));

/** A self-signed X.509 version 1 certificate of that name, made on the spot so that no key lies in the repository. */
export function selfSigned(host: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(der(6, Buffer.from("2a8648ce3d040302", "hex")));
  const commonName = sequence(der(6, Buffer.from("550403", "hex")), der(0x0c, Buffer.from(host)));
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
