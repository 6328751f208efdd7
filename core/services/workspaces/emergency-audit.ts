// What the log says of emergency access: in the workspace's chain, for those who answer for it, and in the instance's.
import { type AuditEntry, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { MemberKey } from "../../persistence/identity/members.ts";

/** `actorId` null: its time was over. Both go into the transaction of the change. */
export function emergencyEntries(
  actorId: string | null,
  { workspaceId, userId }: MemberKey,
  action: `emergency.${"opened" | "ended" | "expired"}`,
  details: object,
): AuditEntry[] {
  const entry = { actorId, action, targetType: "user", targetId: userId };
  return [
    { ...entry, chainId: workspaceId, details },
    { ...entry, chainId: INSTANCE_CHAIN, details: { ...details, workspaceId } },
  ];
}
