// What every role checks before it starts: the schema is current, its database role is harmless, its keys fit.
import { createEnvelope } from "../crypto/envelope.ts";
import { checkKeyCanary } from "../crypto/key-canary.ts";
import { createKeyring, type NamedKey } from "../crypto/keyring.ts";
import { checkDatabase } from "../persistence/check-database.ts";
import { createKeyCanaries } from "../persistence/credentials/key-canaries.ts";
import type { Database } from "../persistence/database.ts";

/**
 * Throws `half_restored`, `pending_migrations`, `unsafe_role`, `settings_lost` or `wrong_encryption_key`, each with what to do. Roles that hold no
 * encryption keys give none.
 */
export async function checkFoundations(
  database: Database,
  encryptionKeys: readonly NamedKey[],
  { isRestoring = false } = {},
): Promise<void> {
  await checkDatabase(database, { isRestoring });
  if (encryptionKeys.length === 0) return;
  const envelope = createEnvelope({ keyring: createKeyring({ keys: [...encryptionKeys] }) });
  await checkKeyCanary(createKeyCanaries(database), envelope);
}
