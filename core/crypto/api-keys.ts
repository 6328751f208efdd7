// API keys as text: a prefix that scanners know, 256 random bits, and a checksum that tells a typo from a stranger.
import { crc32 } from "node:zlib";
import { createOpaqueToken } from "./tokens.ts";

const PREFIX = "atl_";
const CHECKSUM_CHARS = 8;
const API_KEY = /^atl_[\w-]{43}[0-9a-f]{8}$/;
const HINT_CHARS = 8;

/** `atl_`, 43 base64url characters, and the CRC-32 of both as 8 hexadecimal digits. */
export function createApiKey(): string {
  const secret = createOpaqueToken(PREFIX);
  return secret + checksum(secret);
}

/** Whether a bearer token means to be an API key: access tokens begin with `ey`. */
export function isApiKey(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** False for what was never a key of ours, at the price of a checksum and not of a look-up. */
export function isWellFormedApiKey(token: string): boolean {
  return API_KEY.test(token) && checksum(token.slice(0, -CHECKSUM_CHARS)) === token.slice(-CHECKSUM_CHARS);
}

/** The beginning, by which its holder recognises it; 232 of its 256 bits stay unsaid. */
export function hintOf(key: string): string {
  return key.slice(0, HINT_CHARS);
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(CHECKSUM_CHARS, "0");
}
