// Names under which things can be found again by who holds the secret, and guessed by nobody else.
import { createHmac, hkdfSync } from "node:crypto";

const KEY_BYTES = 32;
const NAME_CHARS = 22;

/** 132 bits of HMAC-SHA-256 over the parts, in base64url. Another `purpose` gives another key. */
export function createKeyedHash(secret: Buffer, purpose: string): (...parts: string[]) => string {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `atelier ${purpose}`, KEY_BYTES));
  return (...parts) =>
    createHmac("sha256", key).update(JSON.stringify(parts)).digest("base64url").slice(0, NAME_CHARS);
}
