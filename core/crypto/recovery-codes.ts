// Recovery codes: what opens the door once when the authenticator is lost.
import { randomBytes } from "node:crypto";
import { hashToken } from "./tokens.ts";

const CODES = 10;
const GROUPS = 4;
const GROUP_CHARS = 4;
// No 0, 1, I, O: 32 letters that nobody mistakes, five bits each.
const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/** Ten codes `XXXX-XXXX-XXXX-XXXX`, 80 bits each, and the hashes to store: too many bits to try out. */
export function createRecoveryCodes(): { codes: string[]; hashes: Buffer[] } {
  const codes = Array.from({ length: CODES }, createCode);
  return { codes, hashes: codes.map(hashRecoveryCode) };
}

/** Case, spaces and dashes do not count: people copy them from paper. */
export function hashRecoveryCode(code: string): Buffer {
  return hashToken(code.replaceAll(/[\s-]/g, "").toUpperCase());
}

function createCode(): string {
  const group = () => [...randomBytes(GROUP_CHARS)].map((byte) => LETTERS[byte % LETTERS.length]).join("");
  return Array.from({ length: GROUPS }, group).join("-");
}
