// Asks a signed-in person for their password again, before what a stolen token alone must not do.
import { AppError } from "../../domain/app-error.ts";
import { findPasswordHash } from "../../persistence/identity/users.ts";
import { inNameOf } from "../principals-of.ts";
import type { IdentityContext } from "./identity-context.ts";

/** The hash the password belongs to. Throws `invalid_credentials`. */
export async function verifyOwnPassword(
  { database, hasher }: Pick<IdentityContext, "database" | "hasher">,
  userId: string,
  password: string,
): Promise<string> {
  const hash = await database.transaction(inNameOf(userId), (tx) => findPasswordHash(tx, userId));
  if (hash !== null && (await hasher.verify(password, hash))) return hash;
  throw new AppError("invalid_credentials", "This is not your current password", { subjectId: userId });
}
