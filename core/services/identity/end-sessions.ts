// Logout: ends the session that a refresh token or an access token names.
import { hashToken } from "../../crypto/tokens.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { type Executor, NOBODY, type Principals } from "../../persistence/database.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { endSession, endSessionByToken, type SessionKey } from "../../persistence/identity/sessions.ts";
import { inNameOf } from "../principals-of.ts";
import { sessionEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";

/** Browsers have the cookie, programs the access token; either is enough. */
export type LogoutRequest = { refreshToken?: string | undefined; accessToken?: string | undefined };

export async function endSessions(context: IdentityContext, request: LogoutRequest): Promise<void> {
  const { refreshToken, accessToken } = request;
  if (refreshToken !== undefined) {
    await end(context, NOBODY, (tx) => endSessionByToken(tx, hashToken(refreshToken)));
  }
  const session = accessToken === undefined ? null : verified(context, accessToken);
  if (session) {
    await end(context, inNameOf(session.userId), (tx) => endSession(tx, session.sessionId));
  }
}

async function end(
  { database }: IdentityContext,
  principals: Principals,
  endIt: (tx: Executor) => Promise<SessionKey | null>,
): Promise<void> {
  await database.transaction(principals, async (tx) => {
    const session = await endIt(tx);
    if (!session) return;
    await announceIdentityChange(tx, [session.userId]);
    await appendAudit(tx, [sessionEntry(session, "session.ended")]);
  });
}

/** A token that is not valid names no session: there is nothing to end. */
function verified({ accessTokens }: IdentityContext, accessToken: string): SessionKey | null {
  try {
    return accessTokens.verify(accessToken);
  } catch {
    return null;
  }
}
