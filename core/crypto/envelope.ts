// Envelope encryption: every record has its own data key, wrapped by a key-encryption key with an id.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { AppError } from "../domain/app-error.ts";
import type { Keyring, NamedKey } from "./keyring.ts";

/** What a secret is for. Each purpose has keys of its own, so one cannot be opened as the other. */
export type SecretPurpose = "credential" | "webhook" | "totp" | "payload" | "canary";

/** What the record is bound to: a ciphertext moved to another row, type or workspace does not open. */
export type Binding = { purpose: SecretPurpose; workspaceId: string; id: string; type: string };

/** As it lies in the table: columns key_id, wrapped_key, ciphertext. */
export type Sealed = { keyId: string; wrappedKey: Buffer; ciphertext: Buffer };

export type WrappedKey = Pick<Sealed, "keyId" | "wrappedKey">;

export type Envelope = {
  seal(plain: Buffer, binding: Binding): Sealed;
  /** Throws `decryption_failed`, naming the key id, when key, binding or a single bit differs. */
  open(sealed: Sealed, binding: Binding): Promise<Buffer>;
  /** The same data key wrapped by the current key; the content stays as it is. Throws `decryption_failed`. */
  rewrap(sealed: WrappedKey, binding: Binding): WrappedKey;
};

const CIPHER = "aes-256-gcm";
const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const HEADER_BYTES = 1 + IV_BYTES + TAG_BYTES;

/**
 * A data key encrypts one record once; a key-encryption key with random 96-bit IVs is good for 2^32 records.
 */
export function createEnvelope({ keyring }: { keyring: Keyring }): Envelope {
  const wrap = (dataKey: Buffer, binding: Binding): WrappedKey => {
    const kek = keyring.current();
    const wrappedKey = encrypt(purposeKey(kek, binding.purpose), dataKey, keyContext(binding, kek.id));
    return { keyId: kek.id, wrappedKey };
  };
  const unwrap = ({ keyId, wrappedKey }: WrappedKey, binding: Binding): Buffer => {
    const kek = keyring.find(keyId);
    return decrypt(purposeKey(kek, binding.purpose), wrappedKey, keyContext(binding, kek.id));
  };
  return {
    seal(plain, binding) {
      const dataKey = randomBytes(KEY_BYTES);
      const ciphertext = encrypt(dataKey, plain, contentContext(binding));
      const wrapped = wrap(dataKey, binding);
      dataKey.fill(0);
      return { ...wrapped, ciphertext };
    },
    async open(sealed, binding) {
      try {
        const dataKey = unwrap(sealed, binding);
        const plain = decrypt(dataKey, sealed.ciphertext, contentContext(binding));
        dataKey.fill(0);
        return plain;
      } catch (cause) {
        throw doesNotOpen(sealed.keyId, binding, cause);
      }
    },
    rewrap(sealed, binding) {
      try {
        const dataKey = unwrap(sealed, binding);
        const wrapped = wrap(dataKey, binding);
        dataKey.fill(0);
        return wrapped;
      } catch (cause) {
        throw doesNotOpen(sealed.keyId, binding, cause);
      }
    },
  };
}

/** An unknown key says so itself; everything else is one answer, whatever did not fit. */
function doesNotOpen(keyId: string, { purpose, id }: Binding, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError(
    "decryption_failed",
    `The ${purpose} ${id} does not open with the key "${keyId}": its bytes or what it belongs to were changed, or ` +
      `ENCRYPTION_KEYS has another secret under this id. Set ${keyId} to the secret it had when this was saved, or ` +
      "save it anew.",
    { cause, details: { keyId } },
  );
}

function purposeKey(kek: NamedKey, purpose: SecretPurpose): Buffer {
  return Buffer.from(hkdfSync("sha256", kek.secret, "", `atelier/envelope/${VERSION}/${purpose}`, KEY_BYTES));
}

// JSON arrays are unambiguous: no two bindings give the same bytes.
function contentContext({ purpose, workspaceId, id, type }: Binding): Buffer {
  return Buffer.from(JSON.stringify([VERSION, "content", purpose, workspaceId, id, type]));
}

// The content is not bound to the key id, so that a rotation re-wraps the data key and leaves the content.
function keyContext({ purpose, workspaceId, id, type }: Binding, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([VERSION, "key", purpose, workspaceId, id, type, keyId]));
}

/** version (1) | iv (12) | tag (16) | ciphertext */
function encrypt(key: Buffer, plain: Buffer, context: Buffer): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(context);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.of(VERSION), iv, cipher.getAuthTag(), body]);
}

function decrypt(key: Buffer, sealed: Buffer, context: Buffer): Buffer {
  if (sealed.length < HEADER_BYTES || sealed[0] !== VERSION) throw new Error("unknown format");
  const iv = sealed.subarray(1, 1 + IV_BYTES);
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES })
    .setAAD(context)
    .setAuthTag(sealed.subarray(1 + IV_BYTES, HEADER_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]);
}
