// The key-encryption keys by id: the first seals, all open; where they lie in a file they are read again, so that a
// rotation needs no restart.
import { AppError } from "../domain/app-error.ts";

export type NamedKey = { id: string; secret: Buffer };

export type Keyring = {
  /** The key new records are sealed with. */
  current(): NamedKey;
  /** Throws `decryption_failed` when the id is unknown, even after a reload. */
  find(id: string): NamedKey;
};

export type KeyringOptions = {
  keys: readonly NamedKey[];
  /** Reads the keys again. Asked at most once per second; a file that cannot be read leaves the ring as it was. */
  reload?: (() => readonly NamedKey[]) | undefined;
};

const MIN_SECRET_BYTES = 32;
const RELOAD_EVERY_MS = 1_000;

/** Throws `invalid_config` for no key, two of one id, or a secret under 32 bytes. */
export function createKeyring({ keys, reload }: KeyringOptions): Keyring {
  let ring = toRing(keys);
  let reloadedAt = Number.NEGATIVE_INFINITY;

  const refresh = () => {
    if (!reload || performance.now() - reloadedAt < RELOAD_EVERY_MS) return;
    reloadedAt = performance.now();
    try {
      ring = toRing(reload());
    } catch {
      // The command that writes the file says what is wrong with it; the keys known so far still open everything.
    }
  };

  return {
    current() {
      refresh();
      return ring.values().next().value as NamedKey;
    },
    find(id) {
      if (!ring.has(id)) refresh();
      const key = ring.get(id);
      if (key) return key;
      throw new AppError(
        "decryption_failed",
        `This was encrypted with the key "${id}", which is not among ENCRYPTION_KEYS (${[...ring.keys()].join(", ")}). ` +
          `Add the entry ${id}:<its secret> to ENCRYPTION_KEYS again.`,
        { details: { keyId: id } },
      );
    },
  };
}

function toRing(keys: readonly NamedKey[]): Map<string, NamedKey> {
  const ring = new Map<string, NamedKey>();
  for (const key of keys) {
    if (key.secret.length < MIN_SECRET_BYTES || ring.has(key.id)) {
      throw new AppError(
        "invalid_config",
        `ENCRYPTION_KEYS: the entry ${key.id} is there twice or has fewer than ${MIN_SECRET_BYTES} bytes`,
      );
    }
    ring.set(key.id, key);
  }
  if (ring.size === 0) throw new AppError("invalid_config", "ENCRYPTION_KEYS holds no key");
  return ring;
}
