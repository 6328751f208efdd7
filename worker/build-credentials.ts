// How this worker opens credentials: the keys, the places references lead to, and the way out for Vault.
import { type Config, readSecretVariable } from "#core/config.ts";
import { createEnvelope } from "#core/crypto/envelope.ts";
import { createKeyring } from "#core/crypto/keyring.ts";
import type { HttpPort } from "#core/domain/node.ts";
import type { Database } from "#core/persistence/database.ts";
import { createCredentialOpener, type DrainableCredentialSource } from "./open-credential.ts";
import { createReferenceResolver } from "./resolve-reference.ts";

export function buildCredentials(
  config: Config,
  database: Database,
  http: HttpPort,
): DrainableCredentialSource {
  const keyring = createKeyring({ keys: config.encryptionKeys, reload: config.reloadEncryptionKeys });
  const references = createReferenceResolver({
    readVariable: readSecretVariable,
    secretsDir: config.secretsDir,
    http,
  });
  return createCredentialOpener({ database, envelope: createEnvelope({ keyring }), references });
}
