// The key-encryption keys by id: the first seals, all open, an unknown id makes the ring read its keys again.
import { AppError } from "../domain/app-error.ts";

export type NamedKey = { id: string; secret: Buffer };

export type Keyring = {
  /** The key new records are sealed with. */
  current(): NamedKey;
  /** Throws `decryption_failed` when the id is unknown, even after a reload. */
  find(id: string): Promise<NamedKey>;
};

export type KeyringOptions = {
  keys: readonly NamedKey[];
  /** Reads the keys again (rotation without restart). Asked at most once per second. */
  reload?: () => Promise<readonly NamedKey[]>;
};

const MIN_SECRET_BYTES = 32;
const RELOAD_EVERY_MS = 1_000;

/** Throws `invalid_config` for no key, two of one id, or a secret under 32 bytes. */
export function createKeyring({ keys, reload }: KeyringOptions): Keyring {
  let ring = toRing(keys);
  let reloading: Promise<void> | null = null;
  let reloadedAt = Number.NEGATIVE_INFINITY;

  // Many records of one unknown key share one reading of the keys.
  const readAgain = async (read: NonNullable<KeyringOptions["reload"]>) => {
    if (!reloading && performance.now() - reloadedAt >= RELOAD_EVERY_MS) {
      reloading = read()
        .then((fresh) => {
          ring = toRing(fresh);
        })
        .finally(() => {
          reloadedAt = performance.now();
          reloading = null;
        });
    }
    await reloading;
  };

  return {
    current: () => ring.values().next().value as NamedKey,
    async find(id) {
      if (!ring.has(id) && reload) await readAgain(reload);
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
