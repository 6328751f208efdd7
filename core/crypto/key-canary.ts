// A known text sealed with each key at its first use: a process with another secret under that id notices at boot.
import { AppError } from "../domain/app-error.ts";
import { type Binding, createEnvelope, type Envelope, type Sealed } from "./envelope.ts";
import { createKeyring, type NamedKey } from "./keyring.ts";
import { constantTimeEqual } from "./tokens.ts";

const PLAIN = Buffer.from("atelier");

/** Where canaries are kept: `key-canaries.ts` in persistence. */
export type KeyCanaryStore = {
  /** The canaries of every key the database has known. */
  list(): Promise<readonly Sealed[]>;
  /** Stores the canary unless its key has one, and returns the one that is kept. */
  keep(canary: Sealed): Promise<Sealed>;
};

/**
 * Throws `wrong_encryption_key` when the current key is not the one the database has known under its id, or is new to
 * it while none of the keys it has known is there: a rotation keeps the old ones.
 */
export async function checkKeyCanary(canaries: KeyCanaryStore, envelope: Envelope): Promise<void> {
  const fresh = envelope.seal(PLAIN, bindingOf());
  const known = await canaries.list();
  if (known.length > 0 && !known.some(({ keyId }) => keyId === fresh.keyId))
    await refuseStrangers(known, envelope);
  const kept = await canaries.keep(fresh);
  try {
    const plain = await envelope.open(kept, bindingOf());
    if (!constantTimeEqual(plain, PLAIN)) throw new Error("another text");
  } catch (cause) {
    throw anotherSecret(kept.keyId, cause);
  }
}

/** `used`: ids of the keys that wrap anything now; `canaries` are of every key the database has ever known. */
export type KnownKeys = { used: readonly string[]; canaries: readonly Sealed[] };

/**
 * Whether `keys` open everything that is sealed. Writes nothing. A retired key that wraps nothing need not be there. Throws
 * `wrong_encryption_key` when one that wraps something is not, when one that is here has another secret than the database
 * knows under its id, or when none is one it has known.
 */
export async function checkUsedKeys({ used, canaries }: KnownKeys, keys: readonly NamedKey[]): Promise<void> {
  const envelope = createEnvelope({ keyring: createKeyring({ keys }) });
  if (canaries.length > 0) await refuseStrangers(canaries, envelope);
  const here = new Set(keys.map(({ id }) => id));
  for (const canary of canaries.filter(({ keyId }) => here.has(keyId))) {
    const opened = await envelope.open(canary, bindingOf()).catch(() => null);
    if (opened === null) throw anotherSecret(canary.keyId);
  }
  const absent = used.filter((id) => !here.has(id));
  if (absent.length === 0) return;
  throw new AppError(
    "wrong_encryption_key",
    `Secrets in this database are encrypted with ${absent.join(", ")}, which is not among ENCRYPTION_KEYS (${[...here].join(", ")}): ` +
      "keys of before a rotation do not open what was wrapped since. Set ENCRYPTION_KEYS as the platform has them " +
      "(with npm start: the keys.json in DATA_DIR)",
    { details: { keyIds: absent } },
  );
}

async function refuseStrangers(known: readonly Sealed[], envelope: Envelope): Promise<void> {
  for (const canary of known) {
    const opened = await envelope.open(canary, bindingOf()).catch(() => null);
    if (opened !== null) return;
  }
  const ids = known.map(({ keyId }) => keyId).join(", ");
  throw new AppError(
    "wrong_encryption_key",
    `This database was encrypted with other keys (${ids}), and none of ENCRYPTION_KEYS is one of them. Set ENCRYPTION_KEYS ` +
      "to those used before (with npm start: the keys.json that was in DATA_DIR). To use a new secret, put it first and " +
      "keep the old entries behind it until npm run keys:rotate is done.",
  );
}

function anotherSecret(keyId: string, cause?: unknown): AppError {
  return new AppError(
    "wrong_encryption_key",
    `This database was encrypted with another secret under the key id "${keyId}". Set ENCRYPTION_KEYS so that ` +
      `its entry ${keyId}:<secret> has the secret used before (with npm start: the keys.json that was in DATA_DIR). ` +
      "To use a new secret, put it first under a new id and keep the old entry.",
    { cause, details: { keyId } },
  );
}

function bindingOf(): Binding {
  return { purpose: "canary", workspaceId: "", id: "", type: "" };
}
