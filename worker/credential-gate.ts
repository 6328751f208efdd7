// Who may use which credential for what: looked up, judged and written to the audit log for all steps that ask at once.
import { AppError } from "#core/domain/app-error.ts";
import { credentialTypes } from "#core/domain/credential-types.ts";
import { hostRefusal, isHostAllowed, showTarget, targetOf } from "#core/domain/host-binding.ts";
import { isUuid } from "#core/domain/uuid.ts";
import type { CredentialRequest } from "#core/engine/credential-source.ts";
import { type AuditEntry, appendAudit } from "#core/persistence/audit/audit-logs.ts";
import { findSealedCredentials, type SealedCredential } from "#core/persistence/credentials/credentials.ts";
import type { Database } from "#core/persistence/database.ts";
import { createGroupWriter } from "#core/persistence/group-writer.ts";
import { isUnavailable } from "./await-database.ts";

const MAX_BATCH = 200;

/** The credential, still sealed, or the reason why not. */
type Verdict = SealedCredential | AppError;

export type CredentialGate = {
  /** Resolves after the commit that says so. */
  admit(request: CredentialRequest): Promise<Verdict>;
  drain(): Promise<void>;
};

/** One commit for all that ask while the one before is under way. */
export function createCredentialGate(database: Database): CredentialGate {
  const writer = createGroupWriter<CredentialRequest, Verdict>({
    writeBatch(batch) {
      const workspaceIds = [...new Set(batch.map(({ execution }) => execution.workspaceId))];
      return database.transaction({ workspaceIds }, async (tx) => {
        const ids = [...new Set(batch.map((request) => request.credentialId).filter(isUuid))];
        const found = await findSealedCredentials(tx, ids);
        const byId = new Map(found.map((credential) => [credential.id, credential]));
        const verdicts = batch.map((request) => judge(request, byId.get(request.credentialId.toLowerCase())));
        await appendAudit(
          tx,
          batch.map((request, index) => auditEntry(request, verdicts[index] as Verdict)),
        );
        return verdicts;
      });
    },
    maxBatch: MAX_BATCH,
    maxInFlight: 2,
    isShared: isUnavailable,
  });
  return { admit: (request) => writer.write(request), drain: () => writer.drain() };
}

function judge(request: CredentialRequest, credential: SealedCredential | undefined): Verdict {
  // The transaction sees the workspaces of all that ask; each gets what belongs to its own.
  if (!credential || credential.workspaceId !== request.execution.workspaceId) {
    return new AppError(
      "credential_not_found",
      "The credential this node names is not in its workspace: it was deleted, or never was",
    );
  }
  const { name, type, allowedHosts } = credential;
  if (!request.accepted.includes(type)) {
    const message = `"${name}" is of type ${type}; this slot takes ${request.accepted.join(", ") || "none"}`;
    return new AppError("credential_refused", message);
  }
  if (credentialTypes.get(type)?.namesItsHost) return credential;
  const target = targetOf(request.url ?? "");
  if (!target)
    return new AppError("credential_refused", `"${name}" may only go to a host, and none is named`);
  if (isHostAllowed(allowedHosts, target)) return credential;
  return new AppError("credential_refused", hostRefusal(name, allowedHosts, target));
}

/** In the name of whoever the run belongs to. The URL stays out: its path and query may hold anything. */
function auditEntry(request: CredentialRequest, verdict: Verdict): AuditEntry {
  const { execution, credentialId, nodeId, iteration, attempt, url } = request;
  const target = targetOf(url ?? "");
  return {
    chainId: execution.workspaceId,
    actorId: execution.userId,
    action: verdict instanceof AppError ? "credential.refused" : "credential.used",
    targetType: "credential",
    // In one spelling: who looks for its uses must not miss those of a graph that wrote it in capitals.
    targetId: credentialId.toLowerCase(),
    details: {
      executionId: execution.id,
      nodeId,
      attempt,
      ...(iteration !== "" && { iteration }),
      ...(target && { host: showTarget(target) }),
      ...(verdict instanceof AppError && { code: verdict.code }),
    },
  };
}
