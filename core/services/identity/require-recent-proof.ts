// Before what outlives a session: the person has lately proved who they are, or does so now.
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import { findProofAge, noteProof } from "../../persistence/identity/sessions.ts";
import { inNameOf } from "../principals-of.ts";
import type { IdentityContext } from "./identity-context.ts";
import { ownSession } from "./own-sessions.ts";
import { verifyOwnPassword } from "./verify-own-password.ts";

// A working day asks once or twice; a cookie that was stolen at night makes nothing.
const PROOF_SECONDS = 60 * 60;

/**
 * A password that is given is checked even where none is needed, and counts for the next hour. Throws
 * `password_required` when the last proof is older than that and none is given, `invalid_credentials` for a wrong one.
 */
export async function requireRecentProof(
  context: Pick<IdentityContext, "database" | "hasher">,
  actor: Actor,
  password: string | undefined,
): Promise<void> {
  const { userId, sessionId } = ownSession(actor);
  if (password !== undefined) {
    await verifyOwnPassword(context, userId, password);
    await context.database.transaction(inNameOf(userId), (tx) => noteProof(tx, sessionId));
    return;
  }
  const age = await context.database.transaction(inNameOf(userId), (tx) => findProofAge(tx, sessionId));
  if (age !== null && age < PROOF_SECONDS) return;
  throw new AppError(
    "password_required",
    "Your password is needed for this, as `password`: you last gave it to this session more than an hour ago",
  );
}
