// Secrets that are none: what documentation, tests and people in a hurry write where a random one belongs.

const KNOWN = /change.?me|example|default|secret|password|placeholder|atelier|0123456789|abcdefgh|qwerty/i;
// 32 random bytes have some 30 different ones; base64url text of them about 35.
const MIN_DIFFERENT_CHARS = 12;

/** Takes the text as it is configured. A random secret contains one of the words once in ten million. */
export function isKnownSecret(text: string): boolean {
  return KNOWN.test(text) || new Set(text).size < MIN_DIFFERENT_CHARS;
}
