// Time-based one-time codes (RFC 6238: SHA-1, 6 digits, 30 seconds), as every authenticator app makes them.
import { randomBytes } from "node:crypto";
import { Secret, TOTP } from "otpauth";

const ISSUER = "Atelier";
const SECRET_BYTES = 20;
const DRIFT_STEPS = 1;

/** 20 random bytes, for an authenticator app and for the envelope. */
export function createTotpSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/** The secret as people type it (base32) and as apps scan it (`otpauth://`). */
export function describeTotpSecret(secret: Buffer, email: string): { secret: string; uri: string } {
  const totp = totpOf(secret, email);
  return { secret: totp.secret.base32, uri: totp.toString() };
}

/**
 * The 30-second step a code belongs to: this one or a neighbour, for clocks that differ. Null for a wrong code
 * and for one of a step that is not after `lastStep`, the last that was accepted.
 */
export function findTotpStep(
  secret: Buffer,
  code: string,
  { lastStep, at = Date.now() }: { lastStep: number | null; at?: number },
): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const totp = totpOf(secret, "");
  const delta = totp.validate({ token: code, timestamp: at, window: DRIFT_STEPS });
  if (delta === null) return null;
  const step = totp.counter({ timestamp: at }) + delta;
  return lastStep !== null && step <= lastStep ? null : step;
}

function totpOf(secret: Buffer, label: string): TOTP {
  const bytes = new Uint8Array(secret).buffer;
  return new TOTP({ issuer: ISSUER, label, secret: new Secret({ buffer: bytes }) });
}
