// Takes the second factor off again: with the password and a code, so that neither a token nor a phone is enough.
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { clearSecondFactor, lockUser } from "../../persistence/identity/second-factors.ts";
import { findWorkspacesAskingForTotp } from "../../persistence/identity/workspaces.ts";
import { inNameOf } from "../principals-of.ts";
import { memberEntry } from "../workspaces/own-workspace.ts";
import { spendSecondFactor } from "./check-second-factor.ts";
import { ownEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import { ownSession } from "./own-sessions.ts";
import { verifyOwnPassword } from "./verify-own-password.ts";

/**
 * Workspaces that ask for a second factor are closed to the person until they set up another: also to an owner, who
 * could otherwise never change to a new phone. `code` is one of the app or a recovery code. Throws `invalid_credentials`, `totp_not_set_up`
 * or `invalid_totp`.
 */
export async function disableTotp(
  context: IdentityContext,
  actor: Actor,
  { password, code }: { password: string; code: string },
): Promise<void> {
  const { userId } = ownSession(actor);
  await verifyOwnPassword(context, userId, password);
  await context.database.transaction(inNameOf(userId), async (tx) => {
    const user = await lockUser(tx, userId);
    if (!user?.enabled) throw new AppError("totp_not_set_up", "There is no second factor to disable");
    const factor = await spendSecondFactor(tx, context.envelope, { user, code });
    await clearSecondFactor(tx, userId);
    await announceIdentityChange(tx, [userId]);
    // Those who answer for these workspaces read their chains, not the instance's.
    const closed = await findWorkspacesAskingForTotp(tx, userId);
    await appendAudit(tx, [
      ownEntry(userId, "mfa.disabled", { factor }),
      ...closed.map((workspaceId) =>
        memberEntry(userId, { workspaceId, userId }, "member.second_factor_disabled", { factor }),
      ),
    ]);
  });
}
