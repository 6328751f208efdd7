// Using an invitation up, at registration or by somebody signed in: one constant refusal for everything that is not it.
import { hashToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import { type AuditEntry, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import { type Acceptance, acceptInvitation } from "../../persistence/identity/invitations.ts";
import { memberEntry } from "./own-workspace.ts";

/** Unknown, used, expired, revoked, somebody else's: who holds a token learns nothing from the refusal. */
export function invalidInvite(): AppError {
  return new AppError("invalid_invite", "This invitation is not valid");
}

/** Runs in the name of `userId`; the entries are for the end of the transaction. Throws `invalid_invite`. */
export async function redeemInvitation(
  tx: Executor,
  { userId, token }: { userId: string; token: string },
): Promise<{ acceptance: Acceptance; entries: AuditEntry[] }> {
  const acceptance = await acceptInvitation(tx, hashToken(token));
  if (!acceptance) throw invalidInvite();
  const { id, workspaceId, role, hasJoined } = acceptance;
  const accepted: AuditEntry = {
    chainId: workspaceId ?? INSTANCE_CHAIN,
    actorId: userId,
    action: "invitation.accepted",
    targetType: "invitation",
    targetId: id,
    details: { hasJoined },
  };
  if (workspaceId === null || !hasJoined) return { acceptance, entries: [accepted] };
  const added = memberEntry(userId, { workspaceId, userId }, "member.added", { role, invitationId: id });
  return { acceptance, entries: [accepted, added] };
}
