// References are read at each use and never stored: a variable, a file, or an entry of a Vault server.
import { AppError } from "#core/domain/app-error.ts";
import {
  type CredentialFields,
  credentialTypes,
  fillReference,
  type StandsFor,
  secretsOf,
} from "#core/domain/credential-types.ts";
import type { HttpPort } from "#core/domain/node.ts";
import type { OpenedCredential } from "#core/engine/credential-source.ts";
import { readSecretFile } from "./read-secret-file.ts";
import { readVaultField, type VaultEntry } from "./read-vault-field.ts";

export type ReferenceOptions = {
  /** A variable of this process, undefined for every name that does not begin with ATELIER_SECRET_. */
  readVariable: (name: string) => string | undefined;
  /** SECRETS_DIR; undefined where no files may be read. */
  secretsDir: string | undefined;
  http: HttpPort;
};

/** As it was stored and checked against its type's schema. */
export type StoredCredential = { type: string; data: Readonly<Record<string, unknown>> };

export type ReferenceResolver = {
  /** What is no reference comes back as it is. Throws `credential_unresolved`, retryable where waiting may do. */
  resolve(stored: StoredCredential, signal: AbortSignal): Promise<OpenedCredential>;
};

export function createReferenceResolver(options: ReferenceOptions): ReferenceResolver {
  return {
    async resolve({ type, data }, signal) {
      if (credentialTypes.get(type)?.secret !== undefined) {
        const plain = { type, fields: data as CredentialFields };
        return { ...plain, secrets: secretsOf(plain) };
      }
      const value = await readValue(options, { type, data }, signal);
      const plain = fillReference(data.as as StandsFor, value);
      if (!plain)
        throw unresolved(`What the ${type} leads to cannot be used as a ${(data.as as StandsFor).type}`);
      const own = type === "ref.vault" ? [String(data.token)] : [];
      return { ...plain, secrets: [...own, value] };
    },
  };
}

async function readValue(
  { readVariable, secretsDir, http }: ReferenceOptions,
  { type, data }: StoredCredential,
  signal: AbortSignal,
): Promise<string> {
  if (type === "ref.env") {
    const value = readVariable(String(data.name));
    if (value === undefined) throw unresolved(`The worker's environment has no variable ${data.name}`);
    return value;
  }
  if (type === "ref.file") {
    if (secretsDir === undefined)
      throw unresolved("SECRETS_DIR is not set for the worker, so no file can be read");
    return readSecretFile(secretsDir, String(data.path));
  }
  if (type === "ref.vault") return readVaultField(http, data as VaultEntry, signal);
  throw new AppError("credential_refused", `This worker does not know credentials of type ${type}`);
}

function unresolved(message: string): AppError {
  return new AppError("credential_unresolved", message);
}
