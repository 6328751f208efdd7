// A verified person gets a session: an access token for minutes, a refresh token for days.
import { v7 as uuidv7 } from "uuid";
import type { AccessTokens } from "../../crypto/access-tokens.ts";
import { createOpaqueToken, hashToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import { type AuditEntry, appendAudit } from "../../persistence/audit/audit-logs.ts";
import { findPersonalWorkspace } from "../../persistence/identity/personal-workspace.ts";
import { insertSession } from "../../persistence/identity/sessions.ts";
import { replacePasswordHash, type User } from "../../persistence/identity/users.ts";
import { inNameOf } from "../principals-of.ts";
import { admitPerson } from "./admit-person.ts";
import type { UsedFactor } from "./check-second-factor.ts";
import { sessionEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";

/** Where a request comes from, as the owner of the session will see it. */
export type Client = { userAgent: string; address: string };

/** `expiresIn` in seconds. The refresh token goes into the cookie and nowhere else. */
export type TokenPair = { accessToken: string; expiresIn: number; refreshToken: string };
export type Grant = TokenPair & { user: User; workspaceId: string };

/** A person whose password was right; the hash is replaced when it was made with old parameters. */
export type Verified = { user: User; passwordSince: string; rehash?: { from: string; to: string } };

/** `totp` is a code of the authenticator or a recovery code, for people who have set one up. */
export type SessionOptions = { client: Client; totp?: string | undefined };

const MAX_USER_AGENT_CHARS = 300;

/** Throws `totp_required`, `invalid_totp`, or `invalid_credentials` when the password was changed since it was checked. */
export async function startSession(
  context: IdentityContext,
  person: Verified,
  { client, totp }: SessionOptions,
): Promise<Grant> {
  const { user, passwordSince, rehash } = person;
  const session = newSession(user.id, client);
  const workspaceId = await context.database.transaction(inNameOf(user.id), async (tx) => {
    const factor = await admitPerson(tx, context.envelope, { userId: user.id, passwordSince, totp });
    if (rehash) await replacePasswordHash(tx, { userId: user.id, ...rehash });
    await insertSession(tx, session.row, context.sessionLimits);
    const personal = await findPersonalWorkspace(tx, user.id);
    await appendAudit(tx, [sessionStarted(session, factor)]);
    return personal;
  });
  if (workspaceId === null) throw new AppError("internal_error", `${user.id} has no personal workspace`);
  return { user, workspaceId, ...tokensOf(context.accessTokens, session) };
}

export type FreshSession = { row: Parameters<typeof insertSession>[1]; refreshToken: string };

/** Not stored yet. */
export function newSession(userId: string, client: Client): FreshSession {
  const refreshToken = createOpaqueToken();
  const row = {
    id: uuidv7(),
    userId,
    tokenHash: hashToken(refreshToken),
    userAgent: client.userAgent.slice(0, MAX_USER_AGENT_CHARS),
    client: client.address,
  };
  return { row, refreshToken };
}

export function sessionStarted({ row }: FreshSession, factor: UsedFactor | null = null): AuditEntry {
  const { id, userId, client, userAgent } = row;
  const details = { client, userAgent, ...(factor && { factor }) };
  return sessionEntry({ userId, sessionId: id }, "session.started", details);
}

export function tokensOf(accessTokens: AccessTokens, session: FreshSession): TokenPair {
  const { token, expiresIn } = accessTokens.sign({ userId: session.row.userId, sessionId: session.row.id });
  return { accessToken: token, expiresIn, refreshToken: session.refreshToken };
}
