// A person's own sessions: the one that speaks, which there are, and the end of one or of all others.

import { AppError } from "../../domain/app-error.ts";
import type { IdPage } from "../../domain/id-page.ts";
import { type Actor, notFound } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import {
  endSession,
  endSessionsOf,
  listSessions,
  type SessionKey,
  type SessionListing,
} from "../../persistence/identity/sessions.ts";
import { inNameOf } from "../principals-of.ts";
import { ownEntry, sessionEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";

/** For what no API key may do in a person's name. Throws `forbidden` when one speaks. */
export function ownSession({ userId, sessionId }: Actor): SessionKey {
  if (sessionId === null) throw new AppError("forbidden", "Sign in for this: no API key may do it");
  return { userId, sessionId };
}

export type OwnSession = SessionListing & { current: boolean };

/** Live ones, newest first; `before` is the id of the last one of the page before. */
export async function listOwnSessions(
  { database }: IdentityContext,
  actor: Actor,
  page: IdPage,
): Promise<OwnSession[]> {
  const { userId, sessionId } = ownSession(actor);
  const rows = await database.transaction(inNameOf(userId), (tx) => listSessions(tx, { ...page, userId }));
  return rows.map((row) => ({ ...row, current: row.id === sessionId }));
}

/** Throws `not_found` for somebody else's session and for one that has ended. */
export async function endOwnSession({ database }: IdentityContext, actor: Actor, id: string): Promise<void> {
  const { userId } = ownSession(actor);
  await database.transaction(inNameOf(userId), async (tx) => {
    if (!(await endSession(tx, id))) throw notFound("session");
    await announceIdentityChange(tx, [userId]);
    await appendAudit(tx, [sessionEntry({ userId, sessionId: id }, "session.ended")]);
  });
}

/** All but the one that asks. */
export async function endOtherSessions({ database }: IdentityContext, actor: Actor): Promise<void> {
  const { userId, sessionId } = ownSession(actor);
  await database.transaction(inNameOf(userId), async (tx) => {
    const endedSessions = await endSessionsOf(tx, { userId, keep: sessionId, reason: "logout" });
    await announceIdentityChange(tx, [userId]);
    await appendAudit(tx, [ownEntry(userId, "session.others_ended", { endedSessions })]);
  });
}
