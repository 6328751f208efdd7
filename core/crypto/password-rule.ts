// What a new password must be: 8 to 1024 characters, none of those that everybody tries first, no composition rules.
import { readFile } from "node:fs/promises";
import { AppError } from "../domain/app-error.ts";
import { normaliseEmail } from "../domain/email.ts";

export const MIN_PASSWORD_CHARS = 8;
export const MAX_PASSWORD_CHARS = 1_024;

const LIST = "@zxcvbn-ts/language-common/src/passwords.json";

/** Throws `invalid_password` for the length and `password_too_common`. Takes it exactly as typed, as it will be hashed. */
export async function checkNewPassword(password: string, person: { email: string }): Promise<void> {
  if (!isPasswordLength(password)) {
    throw new AppError(
      "invalid_password",
      `A password has ${MIN_PASSWORD_CHARS} to ${MAX_PASSWORD_CHARS} characters`,
    );
  }
  if (normaliseEmail(password) === normaliseEmail(person.email) || (await isCommonPassword(password))) {
    throw new AppError(
      "password_too_common",
      "This password is among the first that anybody would try; take another one",
    );
  }
}

/** Characters are code points: an emoji is one, whatever it takes in UTF-16. */
export function isPasswordLength(password: string): boolean {
  // No text has more than two units to a character, so a megabyte is refused unread.
  if (password.length > 2 * MAX_PASSWORD_CHARS) return false;
  const { length } = [...password];
  return length >= MIN_PASSWORD_CHARS && length <= MAX_PASSWORD_CHARS;
}

/** In whatever case; the list has the 49,000 most used, of which 18,000 are long enough to get here. */
export async function isCommonPassword(password: string): Promise<boolean> {
  if (password.includes("\n")) return false;
  commonPasswords ??= readCommonPasswords();
  return (await commonPasswords).includes(`\n${password.toLowerCase()}\n`);
}

let commonPasswords: Promise<string> | undefined;

/** One text, a line each: 170 KB, where a set of strings would take a megabyte. A look-up takes 54 µs, the first 30 ms. */
async function readCommonPasswords(): Promise<string> {
  const words: string[] = JSON.parse(await readFile(new URL(import.meta.resolve(LIST)), "utf8"));
  return `\n${words.filter((word) => word.length >= MIN_PASSWORD_CHARS).join("\n")}\n`;
}
