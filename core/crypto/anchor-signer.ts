// Signs what leaves the database about the audit log, with Ed25519: whoever keeps an anchor needs no secret to check it.
import {
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from "node:crypto";
import { AppError } from "../domain/app-error.ts";
import { type Anchor, type AnchorStatement, anchorBytes } from "../domain/audit-anchor.ts";
import type { NamedKey } from "./keyring.ts";

export type AnchorVerdict = "good" | "bad" | "unknown_key";

export type AnchorSigner = {
  publicKey: string;
  sign(statement: AnchorStatement): Anchor;
  /** Public keys of ENCRYPTION_KEYS that have been retired since, which the current ones still stand for. */
  retired(): string[];
};

export type AnchorVerifier = {
  /** Unknown: made by a key that neither was given nor is vouched for by one that was. */
  check(anchor: Anchor): AnchorVerdict;
};

// Around the 32 bytes of a private key and of a public key (RFC 8410).
const PRIVATE_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** Public keys are their 32 bytes in base64url. Throws `invalid_config` without a key. */
export function createAnchorSigner(encryptionKeys: readonly NamedKey[]): AnchorSigner {
  const keys = encryptionKeys.map(({ secret }) => derive(secret));
  const [current, ...older] = keys;
  if (!current) throw new AppError("invalid_config", "Signing the audit log's heads needs ENCRYPTION_KEYS");
  const publicKey = publicText(current);
  return {
    publicKey: publicText(current),
    sign(statement) {
      const signature = signBytes(null, anchorBytes(statement, publicKey), current).toString("base64url");
      return { ...statement, publicKey, signature };
    },
    retired: () => older.map(publicText),
  };
}

export function publicKeysOf(encryptionKeys: readonly NamedKey[]): string[] {
  return encryptionKeys.map(({ secret }) => publicText(derive(secret)));
}

/** Trusts the given public keys, and after them those that a good anchor vouches for. */
export function createAnchorVerifier(publicKeys: readonly string[]): AnchorVerifier {
  const trusted = new Map(publicKeys.map((key) => [key, readPublicKey(key)]));
  return {
    check(anchor) {
      const key = trusted.get(anchor.publicKey);
      if (!key) return "unknown_key";
      const bytes = anchorBytes(anchor, anchor.publicKey);
      if (!verifyBytes(null, bytes, key, Buffer.from(anchor.signature, "base64url"))) return "bad";
      for (const text of anchor.vouchesFor ?? []) trusted.set(text, readPublicKey(text));
      return "good";
    },
  };
}

/** Its own purpose, so that no other use of the secret ever meets this key. */
function derive(secret: Buffer): KeyObject {
  const seed = Buffer.from(hkdfSync("sha256", secret, "", "atelier/audit-anchor/1", 32));
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: "der", type: "pkcs8" });
}

function publicText(privateKey: KeyObject): string {
  const der = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return der.subarray(PUBLIC_PREFIX.length).toString("base64url");
}

/** Throws `invalid_config` for what is no such key. */
function readPublicKey(text: string): KeyObject {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length !== 32) {
    throw new AppError("invalid_config", "A public key of the audit log is 32 bytes in base64url");
  }
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, bytes]), format: "der", type: "spki" });
}
