// What a person did about themselves, for the instance's chain. Refusals are summed up elsewhere: record-denials.ts.
import { type AuditEntry, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { SessionKey } from "../../persistence/identity/sessions.ts";

export function ownEntry(userId: string, action: string, details?: Record<string, unknown>): AuditEntry {
  const target = { chainId: INSTANCE_CHAIN, targetType: "user", targetId: userId };
  return { ...target, actorId: userId, action, ...(details && { details }) };
}

/** What befell one of their sessions. */
export function sessionEntry(
  { userId, sessionId }: SessionKey,
  action: `session.${string}`,
  details?: Record<string, unknown>,
): AuditEntry {
  const target = { chainId: INSTANCE_CHAIN, targetType: "session", targetId: sessionId };
  return { ...target, actorId: userId, action, ...(details && { details }) };
}
