// Emergency access and ended memberships, through the functions that may see and make them (0023).
import type { WorkspaceRole } from "../../domain/roles.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import type { MemberKey } from "./members.ts";

export type NewEmergency = { workspaceId: string; role: WorkspaceRole; minutes: number; reason: string };

/** Times are ISO 8601; `owners` are the addresses of those who can sign in. */
export type OpenedEmergency = { since: string; until: string; workspaceName: string; owners: string[] };

export type EmergencyVerdict =
  | ({ outcome: "opened" } & OpenedEmergency)
  | { outcome: "too_many"; retryAfterMs: number }
  | { outcome: "forbidden" | "not_found" | "member" };

/** In the name of an administrator, who may do it `perHour` times. Audited by the caller, by which it is counted. */
export async function openEmergency(
  tx: Executor,
  { workspaceId, role, minutes, reason }: NewEmergency,
  perHour: number,
): Promise<EmergencyVerdict> {
  const row = await tx.one<EmergencyVerdict>(sql`
    select outcome, since, until, "workspaceName", owners, "retryAfterMs"
    from identity_open_emergency(${workspaceId}, ${role}, ${minutes}, ${reason}, ${perHour})`);
  return row ?? { outcome: "forbidden" };
}

/** `expiredAt` ISO 8601. */
export type EndedMembership = MemberKey & { role: WorkspaceRole; expiredAt: string; isEmergency: boolean };

/** Takes up to `limit` ended memberships away, for the scheduler. */
export function takeEndedMembers(tx: Executor, limit: number): Promise<EndedMembership[]> {
  return tx.many<EndedMembership>(sql`
    select "workspaceId", "userId", role, "expiredAt", "isEmergency" from admin_tidy_members(${limit})`);
}
