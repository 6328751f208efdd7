// Asks a signed-in person for their password again, before what a stolen token alone must not do.
import { AppError } from "../domain/app-error.ts";
import { appendAudit } from "../persistence/audit-logs.ts";
import { findPasswordHash } from "../persistence/users.ts";
import { ownEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import { inNameOf } from "./own-session.ts";
import type { Client } from "./start-session.ts";

/** The hash the password belongs to. Throws `invalid_credentials`, and leaves its mark in the audit log. */
export async function verifyOwnPassword(
  { database, hasher }: IdentityContext,
  userId: string,
  { password, client }: { password: string; client: Client },
): Promise<string> {
  const hash = await database.transaction(inNameOf(userId), (tx) => findPasswordHash(tx, userId));
  if (hash !== null && (await hasher.verify(password, hash))) return hash;
  await database.transaction(inNameOf(userId), (tx) =>
    appendAudit(tx, [ownEntry(userId, "password.refused", { client: client.address })]),
  );
  throw new AppError("invalid_credentials", "This is not your current password");
}
