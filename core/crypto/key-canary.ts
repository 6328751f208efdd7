// A known text sealed with each key at its first use: a process with another secret under that id notices at boot.
import { AppError } from "../domain/app-error.ts";
import type { Binding, Envelope, Sealed } from "./envelope.ts";
import { constantTimeEqual } from "./tokens.ts";

const PLAIN = Buffer.from("atelier");

/** Where canaries are kept: `key-canaries.ts` in persistence. */
export type KeyCanaryStore = {
  /** Stores the canary unless its key has one, and returns the one that is kept. */
  keep(canary: Sealed): Promise<Sealed>;
};

/** Throws `wrong_encryption_key` when the current key is not the one the database has known under its id. */
export async function checkKeyCanary(canaries: KeyCanaryStore, envelope: Envelope): Promise<void> {
  const fresh = envelope.seal(PLAIN, bindingOf());
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

function bindingOf(): Binding {
  return { purpose: "canary", workspaceId: "", id: "", type: "" };
}
