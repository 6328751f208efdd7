// Who may register: the first person of an instance, then whom SIGNUP lets in.
import { constantTimeEqual, hashToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import { isLoopback } from "../../domain/loopback.ts";
import type { Executor } from "../../persistence/database.ts";
import { isInvited } from "../../persistence/identity/invitations.ts";
import { hasUsers } from "../../persistence/identity/users.ts";
import { invalidInvite } from "../workspaces/accept-invitation.ts";

export type SignupPolicy = {
  signup: "open" | "invite" | "closed";
  /** Where the server listens: on loopback the first person is whoever sits at the machine. */
  host: string;
  /** Where people reach it: a proxy on this machine brings them to loopback from anywhere. */
  publicUrl?: string | undefined;
  setupToken?: string | undefined;
};

export type SignupRequest = { email: string; setupToken?: string | undefined; invite?: string | undefined };

/** Throws `setup_token_required`, `signup_closed`, `invite_required` or `invalid_invite`. */
export async function checkSignup(
  executor: Executor,
  policy: SignupPolicy,
  request: SignupRequest,
): Promise<void> {
  // The first person gets in whatever SIGNUP says: without an admin nobody could ever invite anybody.
  if (!(await hasUsers(executor))) return checkSetupToken(policy, request.setupToken);
  if (policy.signup === "closed") {
    throw new AppError("signup_closed", "This instance takes no registrations; ask its administrator");
  }
  if (request.invite !== undefined) {
    if (!(await isInvited(executor, hashToken(request.invite), request.email))) throw invalidInvite();
  } else if (policy.signup === "invite") {
    throw new AppError("invite_required", "This instance takes invited people only; ask for an invitation");
  }
}

/** Only somebody at this machine can be the first. */
function isLocal({ host, publicUrl }: SignupPolicy): boolean {
  return isLoopback(host) && (publicUrl === undefined || isLoopback(new URL(publicUrl).hostname));
}

function checkSetupToken(policy: SignupPolicy, given: string | undefined): void {
  const { setupToken } = policy;
  if (isLocal(policy)) return;
  if (setupToken === undefined || given === undefined || !constantTimeEqual(given, setupToken)) {
    throw new AppError(
      "setup_token_required",
      "The first registration becomes the administrator: send the server's SETUP_TOKEN in X-Setup-Token",
    );
  }
}

/** True while the first registration cannot succeed: off loopback it needs a SETUP_TOKEN, and there is none. */
export async function isRegistrationBlocked(executor: Executor, policy: SignupPolicy): Promise<boolean> {
  return !isLocal(policy) && policy.setupToken === undefined && !(await hasUsers(executor));
}
