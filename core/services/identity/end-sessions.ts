// Logout: ends the session that a refresh token or an access token names, and its cached look-up here.
import { hashToken } from "../../crypto/tokens.ts";
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import { type Executor, NOBODY, type Principals } from "../../persistence/database.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { endSession, endSessionByToken, type SessionKey } from "../../persistence/identity/sessions.ts";
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
    const principals = { userId: session.userId, workspaceIds: [] };
    await end(context, principals, (tx) => endSession(tx, session.sessionId));
  }
}

async function end(
  { database, actors }: IdentityContext,
  principals: Principals,
  endIt: (tx: Executor) => Promise<SessionKey | null>,
): Promise<void> {
  const ended = await database.transaction(principals, async (tx) => {
    const session = await endIt(tx);
    if (session) {
      await announceIdentityChange(tx, [session.userId]);
      const target = { chainId: INSTANCE_CHAIN, targetType: "session", targetId: session.sessionId };
      await appendAudit(tx, [{ ...target, actorId: session.userId, action: "session.ended" }]);
    }
    return session;
  });
  if (ended) actors.forget(ended.sessionId);
}

/** A token that is not valid names no session: there is nothing to end. */
function verified({ accessTokens }: IdentityContext, accessToken: string): SessionKey | null {
  try {
    return accessTokens.verify(accessToken);
  } catch {
    return null;
  }
}
