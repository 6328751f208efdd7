// Identity: who somebody is, from registration to the look-up on every request.

import { AppError } from "../../domain/app-error.ts";
import type { IdPage } from "../../domain/id-page.ts";
import type { Actor } from "../../domain/roles.ts";
import { isTotpEnabled } from "../../persistence/identity/second-factors.ts";
import { findActor, type SessionKey } from "../../persistence/identity/sessions.ts";
import { listWorkspacesOf, type MemberWorkspace } from "../../persistence/identity/workspaces.ts";
import { inNameOf, principalsOf } from "../principals-of.ts";
import { changePassword, type PasswordChange, type PasswordChanged } from "./change-password.ts";
import { checkPassword } from "./check-password.ts";
import { disableTotp } from "./disable-totp.ts";
import { enableTotp } from "./enable-totp.ts";
import { endSessions, type LogoutRequest } from "./end-sessions.ts";
import type { IdentityContext } from "./identity-context.ts";
import { endOtherSessions, endOwnSession, listOwnSessions, type OwnSession } from "./own-sessions.ts";
import { type Registration, registerPerson } from "./register-person.ts";
import { type PasswordReset, resetPassword } from "./reset-password.ts";
import { rotateSession } from "./rotate-session.ts";
import { setUpTotp, type TotpSetup } from "./set-up-totp.ts";
import {
  type Client,
  type Grant,
  type SessionOptions,
  startSession,
  type TokenPair,
  type Verified,
} from "./start-session.ts";

export type Me = {
  user: { id: string; email: string; name: string; isAdmin: boolean };
  totpEnabled: boolean;
  /** `needsTotp`: nothing may be done there before a second factor is set up. */
  workspaces: (MemberWorkspace & { needsTotp: boolean })[];
};

export type IdentityService = {
  /** How long an unused session lives: no reason for a browser to keep its cookie longer. */
  idleMinutes: number;
  /** Throws `email_taken` and what `checkSignup` throws. */
  register(registration: Registration, client: Client): Promise<Grant>;
  /** Throws `invalid_credentials` for every wrong pair and for disabled people, in equal time. */
  checkPassword(email: string, password: string, client: Client): Promise<Verified>;
  /** Throws `totp_required`, `invalid_totp`, or `invalid_credentials` when the person changed since. */
  startSession(person: Verified, options: SessionOptions): Promise<Grant>;
  /** Throws `refresh_conflict` (rotated under 10 s ago) or `invalid_refresh_token`. */
  refresh(refreshToken: string): Promise<TokenPair>;
  /** Ends what the tokens name; tokens that name nothing are no error. */
  logout(request: LogoutRequest): Promise<void>;
  /** The person behind an access token, at most 5 s stale. Throws `unauthenticated`. */
  authenticate(accessToken: string): Promise<Actor>;
  /** The person of a live session that something else than an access token has named. Throws `unauthenticated`. */
  findActor(session: SessionKey): Promise<Actor>;
  me(actor: Actor): Promise<Me>;
  /** This one's live sessions, newest first. These and all below refuse API keys with `forbidden`. */
  listSessions(actor: Actor, page: IdPage): Promise<OwnSession[]>;
  /** Throws `not_found`. */
  endSession(actor: Actor, id: string): Promise<void>;
  endOtherSessions(actor: Actor): Promise<void>;
  /** Throws `invalid_credentials`, `invalid_password` or `password_too_common`. */
  changePassword(actor: Actor, change: PasswordChange): Promise<PasswordChanged>;
  /** Throws `invalid_credentials` or `totp_enabled`. */
  setUpTotp(actor: Actor, password: string): Promise<TotpSetup>;
  /** Throws `invalid_totp`, `totp_not_set_up` or `totp_enabled`. */
  enableTotp(actor: Actor, code: string): Promise<{ recoveryCodes: string[] }>;
  /** Throws `invalid_credentials`, `invalid_totp` or `totp_not_set_up`. */
  disableTotp(actor: Actor, proof: { password: string; code: string }): Promise<void>;
  /** For nobody in particular. Throws `invalid_reset_token`, `invalid_password` or `password_too_common`. */
  resetPassword(reset: PasswordReset): Promise<void>;
};

export function createIdentityService(context: IdentityContext): IdentityService {
  return {
    idleMinutes: context.sessionLimits.idleMinutes,
    register: (registration, client) => registerPerson(context, registration, client),
    checkPassword: (email, password, client) => checkPassword(context, { email, password, client }),
    startSession: (person, options) => startSession(context, person, options),
    refresh: (refreshToken) => rotateSession(context, refreshToken),
    logout: (request) => endSessions(context, request),
    authenticate: async (accessToken) => lookUp(context, context.accessTokens.verify(accessToken)),
    findActor: (session) => lookUp(context, session),
    me: (actor) => describeMe(context, actor),
    listSessions: (actor, page) => listOwnSessions(context, actor, page),
    endSession: (actor, id) => endOwnSession(context, actor, id),
    endOtherSessions: (actor) => endOtherSessions(context, actor),
    changePassword: (actor, change) => changePassword(context, actor, change),
    setUpTotp: (actor, password) => setUpTotp(context, actor, password),
    enableTotp: (actor, code) => enableTotp(context, actor, code),
    disableTotp: (actor, proof) => disableTotp(context, actor, proof),
    resetPassword: (reset) => resetPassword(context, reset),
  };
}

async function lookUp(context: IdentityContext, session: SessionKey): Promise<Actor> {
  const actor = await context.actors.get(session.sessionId, async () => {
    const found = await context.database.transaction(inNameOf(session.userId), (tx) =>
      findActor(tx, session),
    );
    if (!found) throw sessionIsOver();
    return found;
  });
  if (actor.userId !== session.userId) throw sessionIsOver();
  return actor;
}

function sessionIsOver(): AppError {
  return new AppError("unauthenticated", "The session has ended, sign in again");
}

async function describeMe({ database }: IdentityContext, actor: Actor): Promise<Me> {
  const { userId: id, email, name, isAdmin } = actor;
  return await database.transaction(principalsOf(actor), async (tx) => {
    const closed = new Map(actor.memberships.map((m) => [m.workspaceId, m.needsTotp ?? false]));
    // A key that is good for one workspace does not tell of the others.
    const workspaces = (await listWorkspacesOf(tx, id)).filter((workspace) => closed.has(workspace.id));
    return {
      user: { id, email, name, isAdmin },
      totpEnabled: await isTotpEnabled(tx, id),
      workspaces: workspaces.map((one) => ({ ...one, needsTotp: closed.get(one.id) ?? false })),
    };
  });
}
