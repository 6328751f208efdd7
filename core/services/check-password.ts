// E-mail and password: the same work and the same answer whether the person is unknown, disabled or mistyped.
import { AppError } from "../domain/app-error.ts";
import { normaliseEmail } from "../domain/email.ts";
import { appendAudit, INSTANCE_CHAIN } from "../persistence/audit-logs.ts";
import { NOBODY } from "../persistence/database.ts";
import { findLogin, type LoginUser } from "../persistence/users.ts";
import type { IdentityContext } from "./identity-context.ts";
import type { Client, Verified } from "./start-session.ts";

export type Attempt = { email: string; password: string; client: Client };

/** Throws `invalid_credentials`. */
export async function checkPassword(context: IdentityContext, attempt: Attempt): Promise<Verified> {
  const { database, hasher } = context;
  const found = await findLogin(database, normaliseEmail(attempt.email));
  const isRight = await verify(context, found, attempt.password);
  if (!found || !isRight || found.disabled) {
    await recordFailure(context, found, attempt.client);
    throw new AppError("invalid_credentials", "This e-mail address and password do not belong together");
  }
  const { passwordHash, disabled: _disabled, ...user } = found;
  if (!hasher.needsRehash(passwordHash)) return { user };
  return { user, rehash: { from: passwordHash, to: await hasher.hash(attempt.password) } };
}

/** A hash from before this platform (an import) is never right, but takes as long to refuse. */
function verify({ hasher }: IdentityContext, found: LoginUser | null, password: string): Promise<boolean> {
  return found?.passwordHash.startsWith("$argon2id$")
    ? hasher.verify(password, found.passwordHash)
    : hasher.dummyVerify(password);
}

/** The typed address is not kept: people type passwords there. */
async function recordFailure(
  { database }: IdentityContext,
  found: LoginUser | null,
  client: Client,
): Promise<void> {
  await database.transaction(NOBODY, (tx) =>
    appendAudit(tx, [
      {
        chainId: INSTANCE_CHAIN,
        actorId: null,
        action: "login.failed",
        targetType: "user",
        targetId: found?.id ?? null,
        details: { client: client.address },
      },
    ]),
  );
}
