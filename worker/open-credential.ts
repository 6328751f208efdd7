// A secret for one step: found in the run's own workspace, checked, written down, opened, and never kept.

import type { Envelope } from "#core/crypto/envelope.ts";
import { AppError } from "#core/domain/app-error.ts";
import { credentialTypes } from "#core/domain/credential-types.ts";
import { isHostAllowed, showTarget, targetOf } from "#core/domain/host-binding.ts";
import type {
  CredentialRequest,
  CredentialSource,
  OpenedCredential,
} from "#core/engine/credential-source.ts";
import type { SealedCredential } from "#core/persistence/credentials/credentials.ts";
import type { Database } from "#core/persistence/database.ts";
import { awaitDatabase } from "./await-database.ts";
import { createCredentialGate } from "./credential-gate.ts";
import type { ReferenceResolver } from "./resolve-reference.ts";

export type OpenerDependencies = { database: Database; envelope: Envelope; references: ReferenceResolver };

export type DrainableCredentialSource = CredentialSource & { drain(): Promise<void> };

/**
 * Throws `credential_not_found` (also for one of another workspace), `credential_refused` (type or host),
 * `credential_unresolved` (what a reference leads to cannot be read) or `decryption_failed`.
 */
export function createCredentialOpener(dependencies: OpenerDependencies): DrainableCredentialSource {
  const { database, envelope, references } = dependencies;
  const gate = createCredentialGate(database);
  return {
    async open(request) {
      // The use is in the audit log before the secret is opened, and so before anything goes out.
      const verdict = await awaitDatabase(() => gate.admit(request), request.signal);
      if (verdict instanceof AppError) throw verdict;
      request.signal.throwIfAborted();
      const plain = await unseal(envelope, verdict);
      const opened = await references.resolve({ type: verdict.type, data: plain }, request.signal);
      checkOpened(request, verdict, opened);
      return opened;
    },
    drain: () => gate.drain(),
  };
}

async function unseal(
  envelope: Envelope,
  sealed: SealedCredential,
): Promise<Readonly<Record<string, unknown>>> {
  const { id, workspaceId, type } = sealed;
  const bytes = await envelope.open(sealed, { purpose: "credential", workspaceId, id, type });
  const parsed = credentialTypes.get(type)?.data.safeParse(JSON.parse(bytes.toString()));
  bytes.fill(0);
  if (parsed?.success) return parsed.data;
  // Imported ones were never checked. What is wrong with it is not told: it is a secret.
  throw new AppError("credential_refused", `What is stored in "${sealed.name}" is no ${type}; save it anew`);
}

/** What only the opened credential tells: what a reference stands for, and the host a database URL names. */
function checkOpened(
  request: CredentialRequest,
  { name, allowedHosts }: SealedCredential,
  opened: OpenedCredential,
) {
  const { type, fields } = opened;
  if (!request.accepted.includes(type)) {
    const message = `"${name}" stands for a ${type}; this slot takes ${request.accepted.join(", ")}`;
    throw new AppError("credential_refused", message);
  }
  if (!credentialTypes.get(type)?.namesItsHost) return;
  const target = targetOf(fields.url ?? "");
  if (target && (allowedHosts.length === 0 || isHostAllowed(allowedHosts, target))) return;
  const host = target ? showTarget(target) : "its host";
  throw new AppError("credential_refused", `"${name}" may go to ${allowedHosts.join(", ")}, not to ${host}`);
}
