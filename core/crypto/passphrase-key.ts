// What a person's passphrase locks: a box nobody opens without it, and a seal that shows that something was changed.
import { createCipheriv, createDecipheriv, createHmac, randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { AppError } from "../domain/app-error.ts";
import { isCommonPassword } from "./password-rule.ts";
import { constantTimeEqual } from "./tokens.ts";

/** How the key was made, to be kept beside what it locks; base64url. */
export type PassphraseSalt = { kdf: "scrypt"; n: number; r: number; p: number; salt: string };

export type PassphraseKey = {
  salt: PassphraseSalt;
  /** base64url; bound to `context`. */
  seal(plain: string, context: string): string;
  /** Throws `wrong_passphrase`: for another one, another context and any changed bit alike. */
  open(box: string, context: string): string;
  /** Hex. */
  sign(text: string): string;
  isSignature(text: string, signature: string): boolean;
};

const MIN_CHARS = 12;
// 128 MB and about 0.4 s of processor time: what a guess costs.
const COST = { n: 131_072, r: 8, p: 1 };
const IV_BYTES = 12;
const TAG_BYTES = 16;

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

/** Throws `weak_passphrase`. It stands alone between a stolen file and all credentials in it, so it is long. */
export async function checkPassphrase(passphrase: string): Promise<void> {
  if (
    [...passphrase].length >= MIN_CHARS &&
    new Set(passphrase).size >= 5 &&
    !(await isCommonPassword(passphrase))
  )
    return;
  throw new AppError(
    "weak_passphrase",
    `The passphrase guards the keys to all credentials: it needs ${MIN_CHARS} characters or more, and none that everybody would try`,
  );
}

/** Without `salt` a new one is made. */
export async function derivePassphraseKey(passphrase: string, salt?: PassphraseSalt): Promise<PassphraseKey> {
  const made = salt ?? { kdf: "scrypt", ...COST, salt: randomBytes(16).toString("base64url") };
  const { n, r, p } = made;
  const options = { N: n, r, p, maxmem: 256 * n * r };
  const bytes = await derive(passphrase.normalize("NFKC"), Buffer.from(made.salt, "base64url"), 64, options);
  const boxKey = bytes.subarray(0, 32);
  const signKey = bytes.subarray(32);
  const sign = (text: string) => createHmac("sha256", signKey).update(text).digest("hex");
  return {
    salt: made,
    seal(plain, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", boxKey, iv, { authTagLength: TAG_BYTES });
      const body = Buffer.concat([cipher.setAAD(Buffer.from(context)).update(plain, "utf8"), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString("base64url");
    },
    open: (box, context) => openBox(boxKey, Buffer.from(box, "base64url"), context),
    sign,
    isSignature: (text, signature) => constantTimeEqual(Buffer.from(sign(text)), Buffer.from(signature)),
  };
}

function openBox(key: Buffer, box: Buffer, context: string): string {
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, box.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(context)).setAuthTag(box.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const plain = decipher.update(box.subarray(IV_BYTES + TAG_BYTES));
    return Buffer.concat([plain, decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new AppError("wrong_passphrase", "The passphrase is not the one this backup was made with", {
      cause,
    });
  }
}
