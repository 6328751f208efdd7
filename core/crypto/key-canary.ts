// A known text sealed with each key at its first use: a process with another secret under that id notices at boot.
import { AppError } from "../domain/app-error.ts";
import type { Binding, Envelope, Sealed } from "./envelope.ts";
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
    throw new AppError(
      "wrong_encryption_key",
      `This database was encrypted with another secret under the key id "${kept.keyId}". Set ENCRYPTION_KEYS so that ` +
        `its entry ${kept.keyId}:<secret> has the secret used before (with npm start: the keys.json that was in DATA_DIR). ` +
        "To use a new secret, put it first under a new id and keep the old entry.",
      { cause, details: { keyId: kept.keyId } },
    );
  }
}

/**
 * Writes nothing. Throws `wrong_encryption_key` when the database knows keys and none of them opens here, or one that is here
 * under its id has another secret.
 */
export async function checkKnownCanaries(
  canaries: Pick<KeyCanaryStore, "list">,
  envelope: Envelope,
): Promise<void> {
  const known = await canaries.list();
  if (known.length > 0) await refuseStrangers(known, envelope);
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

function bindingOf(): Binding {
  return { purpose: "canary", workspaceId: "", id: "", type: "" };
}
