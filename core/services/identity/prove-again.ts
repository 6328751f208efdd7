// A second proof at the moment of an act that a stolen token alone must not do: the code of who has an authenticator, else the password.
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import { lockUser } from "../../persistence/identity/second-factors.ts";
import { inNameOf } from "../principals-of.ts";
import { spendSecondFactor, type UsedFactor } from "./check-second-factor.ts";
import type { IdentityContext } from "./identity-context.ts";
import { ownSession } from "./own-sessions.ts";
import { verifyOwnPassword } from "./verify-own-password.ts";

export type Proof = { password?: string | undefined; totp?: string | undefined };

/**
 * What proved it. A code is used up whatever comes of the act. The caller counts the attempts. Throws `forbidden` for API
 * keys, `totp_required`, `invalid_totp`, `invalid_credentials`, or `password_required`.
 */
export async function proveAgain(
  context: Pick<IdentityContext, "database" | "hasher" | "envelope">,
  actor: Actor,
  { password, totp }: Proof,
): Promise<UsedFactor | "password"> {
  const { userId } = ownSession(actor);
  if (password !== undefined) await verifyOwnPassword(context, userId, password);
  const factor = await context.database.transaction(inNameOf(userId), async (tx) => {
    const user = await lockUser(tx, userId);
    if (!user?.enabled) return null;
    if (totp === undefined) {
      throw new AppError("totp_required", "Send a code of your second factor with it", { subjectId: userId });
    }
    return spendSecondFactor(tx, context.envelope, { user, code: totp });
  });
  if (factor !== null) return factor;
  if (password !== undefined) return "password";
  throw new AppError("password_required", "Send your password with it, however lately you gave it");
}
