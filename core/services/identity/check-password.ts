// E-mail and password: the same work and the same answer whether the person is unknown, disabled or mistyped.
import { AppError } from "../../domain/app-error.ts";
import { normaliseEmail } from "../../domain/email.ts";
import { findLogin, type LoginUser } from "../../persistence/identity/users.ts";
import type { IdentityContext } from "./identity-context.ts";
import type { Client, Verified } from "./start-session.ts";

export type Attempt = { email: string; password: string; client: Client };

/** Throws `invalid_credentials`. */
export async function checkPassword(context: IdentityContext, attempt: Attempt): Promise<Verified> {
  const { database, hasher } = context;
  const found = await findLogin(database, normaliseEmail(attempt.email));
  const isRight = await verify(context, found, attempt.password);
  if (!found || !isRight || found.disabled) {
    // The typed address is not kept: people type passwords there.
    throw wrongPair(found?.id);
  }
  const { passwordHash, passwordSince, disabled: _disabled, ...user } = found;
  if (!hasher.needsRehash(passwordHash)) return { user, passwordSince };
  return { user, passwordSince, rehash: { from: passwordHash, to: await hasher.hash(attempt.password) } };
}

/** The one answer to every pair that is not let in. */
export function wrongPair(subjectId?: string): AppError {
  return new AppError("invalid_credentials", "This e-mail address and password do not belong together", {
    subjectId,
  });
}

/** A hash from before this platform (an import) is never right, but takes as long to refuse. */
function verify({ hasher }: IdentityContext, found: LoginUser | null, password: string): Promise<boolean> {
  return found?.passwordHash.startsWith("$argon2id$")
    ? hasher.verify(password, found.passwordHash)
    : hasher.dummyVerify(password);
}
