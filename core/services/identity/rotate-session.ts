// Refresh: every token is good for one rotation; a second use long after it means two hold it, and ends the session.
import { createOpaqueToken, hashToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { NOBODY } from "../../persistence/database.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { type Rotation, rotateRefreshToken } from "../../persistence/identity/sessions.ts";
import { sessionEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import type { TokenPair } from "./start-session.ts";

/** Throws `refresh_conflict` when another tab was faster, `invalid_refresh_token` for everything else. */
export async function rotateSession(context: IdentityContext, refreshToken: string): Promise<TokenPair> {
  const next = createOpaqueToken();
  const rotation = await rotate(context, refreshToken, next);
  if (rotation.outcome === "rotated") {
    const { token, expiresIn } = context.accessTokens.sign(rotation);
    return { accessToken: token, expiresIn, refreshToken: next };
  }
  if (rotation.outcome === "recent") {
    throw new AppError("refresh_conflict", "This refresh token was used a moment ago; use the newer one", {
      retryable: true,
    });
  }
  throw new AppError("invalid_refresh_token", "The refresh token is missing, used or expired; sign in again");
}

/** The end of a reused session is committed before anybody hears of it. */
function rotate(
  { database, sessionLimits }: IdentityContext,
  refreshToken: string,
  next: string,
): Promise<Rotation> {
  const hashes = { tokenHash: hashToken(refreshToken), newTokenHash: hashToken(next) };
  return database.transaction(NOBODY, async (tx) => {
    const rotation = await rotateRefreshToken(tx, hashes, sessionLimits);
    if (rotation.outcome === "reused") {
      await announceIdentityChange(tx, [rotation.userId]);
      await appendAudit(tx, [sessionEntry(rotation, "session.reuse_detected")]);
    }
    return rotation;
  });
}
