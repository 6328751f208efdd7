// A person's own sessions: which there are, and the end of one or of all others.
import { type Actor, notFound } from "../../domain/roles.ts";
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import {
  endSession,
  endSessionsOf,
  listSessions,
  type SessionListing,
} from "../../persistence/identity/sessions.ts";
import { ownEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import { inNameOf, ownSession } from "./own-session.ts";

export type OwnSession = SessionListing & { current: boolean };

/** Live ones, newest first; `before` is the id of the last one of the page before. */
export async function listOwnSessions(
  { database }: IdentityContext,
  actor: Actor,
  page: { before: string | undefined; limit: number },
): Promise<OwnSession[]> {
  const { userId, sessionId } = ownSession(actor);
  const rows = await database.transaction(inNameOf(userId), (tx) => listSessions(tx, { ...page, userId }));
  return rows.map((row) => ({ ...row, current: row.id === sessionId }));
}

/** Throws `not_found` for somebody else's session and for one that has ended. */
export async function endOwnSession(
  { database, actors }: IdentityContext,
  actor: Actor,
  id: string,
): Promise<void> {
  const { userId } = ownSession(actor);
  await database.transaction(inNameOf(userId), async (tx) => {
    if (!(await endSession(tx, id))) throw notFound("session");
    await announceIdentityChange(tx, [userId]);
    const target = { chainId: INSTANCE_CHAIN, targetType: "session", targetId: id };
    await appendAudit(tx, [{ ...target, actorId: userId, action: "session.ended" }]);
  });
  actors.forgetUser(userId);
}

/** All but the one that asks. */
export async function endOtherSessions({ database, actors }: IdentityContext, actor: Actor): Promise<void> {
  const { userId, sessionId } = ownSession(actor);
  await database.transaction(inNameOf(userId), async (tx) => {
    const endedSessions = await endSessionsOf(tx, { userId, keep: sessionId, reason: "logout" });
    await announceIdentityChange(tx, [userId]);
    await appendAudit(tx, [ownEntry(userId, "session.others_ended", { endedSessions })]);
  });
  actors.forgetUser(userId);
}
