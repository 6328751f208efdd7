// Registration: the person, their personal workspace, the first session and the log entries, all or nothing.
import { v7 as uuidv7 } from "uuid";
import { checkNewPassword } from "../../crypto/password-rule.ts";
import { AppError } from "../../domain/app-error.ts";
import { normaliseEmail } from "../../domain/email.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { insertSession } from "../../persistence/identity/sessions.ts";
import { lockRegistration, registerUser } from "../../persistence/identity/users.ts";
import { inNameOf } from "../principals-of.ts";
import { redeemInvitation } from "../workspaces/accept-invitation.ts";
import { ownEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import { checkSignup } from "./signup-policy.ts";
import { type Client, type Grant, newSession, sessionStarted, tokensOf } from "./start-session.ts";

export type Registration = {
  email: string;
  /** Its bytes exactly as typed. */
  password: string;
  name?: string | undefined;
  invite?: string | undefined;
  setupToken?: string | undefined;
};

/** Throws `email_taken`, `invalid_password`, `password_too_common` and what `checkSignup` throws. */
export async function registerPerson(
  context: IdentityContext,
  registration: Registration,
  client: Client,
): Promise<Grant> {
  const { database, hasher, signupPolicy, accessTokens } = context;
  // Asked twice: here so that a closed door costs no hashing, and under the lock where it counts.
  await checkSignup(database, signupPolicy, registration);
  await checkNewPassword(registration.password, registration);
  const person = await newPerson(registration, hasher.hash);
  const session = newSession(person.id, client);
  const user = await database.transaction(inNameOf(person.id), async (tx) => {
    await lockRegistration(tx);
    await checkSignup(tx, signupPolicy, registration);
    const registered = await registerUser(tx, person);
    if (!registered) throw new AppError("email_taken", "This e-mail address is registered already, sign in");
    await insertSession(tx, session.row, context.sessionLimits);
    const { invite } = registration;
    const redeemed =
      invite === undefined ? null : await redeemInvitation(tx, { userId: person.id, token: invite });
    const entries = redeemed?.entries ?? [];
    const { email, isAdmin } = registered;
    await appendAudit(tx, [
      ownEntry(person.id, "user.registered", { email, isAdmin }),
      sessionStarted(session),
      ...entries,
    ]);
    return registered;
  });
  return { user, workspaceId: person.workspaceId, ...tokensOf(accessTokens, session) };
}

async function newPerson(registration: Registration, hash: (password: string) => Promise<string>) {
  const email = normaliseEmail(registration.email);
  const name = registration.name?.trim() || (email.split("@")[0] ?? email);
  return {
    id: uuidv7(),
    email,
    name,
    passwordHash: await hash(registration.password),
    workspaceId: uuidv7(),
    workspaceName: `${name}'s workspace`,
  };
}
