// What identity writes into the instance's chain: who did it, to whom, and never what was typed.
import { type AuditEntry, INSTANCE_CHAIN } from "../persistence/audit-logs.ts";

/** Something a person did about themselves. */
export function ownEntry(userId: string, action: string, details?: Record<string, unknown>): AuditEntry {
  const target = { chainId: INSTANCE_CHAIN, targetType: "user", targetId: userId };
  return { ...target, actorId: userId, action, ...(details && { details }) };
}

/** A sign-in that did not happen: nobody is the actor, whoever it was has not proved to be anybody. */
export function loginEntry(
  action: "login.failed" | "login.challenged",
  userId: string | null,
  details: Record<string, unknown>,
): AuditEntry {
  return { chainId: INSTANCE_CHAIN, actorId: null, action, targetType: "user", targetId: userId, details };
}
