// Opaque tokens: 256 random bits for the holder, a SHA-256 for the database.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** `prefix` followed by 43 base64url characters. */
export function createOpaqueToken(prefix = ""): string {
  return prefix + randomBytes(32).toString("base64url");
}

/** 32 bytes. A plain hash is enough: the token has 256 bits of its own, nothing can be guessed. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Compares in time that depends on neither content nor length. */
export function constantTimeEqual(a: string | Buffer, b: string | Buffer): boolean {
  const [left, right] = [a, b].map((side) => createHash("sha256").update(side).digest()) as [Buffer, Buffer];
  return timingSafeEqual(left, right);
}
