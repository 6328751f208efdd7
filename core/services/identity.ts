// Identity: who somebody is, from registration to the look-up on every request.
import { AppError } from "../domain/app-error.ts";
import type { Actor } from "../domain/roles.ts";
import { findActor, type SessionKey } from "../persistence/sessions.ts";
import { listWorkspacesOf, type MemberWorkspace } from "../persistence/workspaces.ts";
import { checkPassword } from "./check-password.ts";
import { endSessions, type LogoutRequest } from "./end-sessions.ts";
import type { IdentityContext, IdentityDependencies } from "./identity-context.ts";
import { type Registration, registerPerson } from "./register-person.ts";
import { rotateSession } from "./rotate-session.ts";
import { type Client, type Grant, startSession, type TokenPair, type Verified } from "./start-session.ts";

export type Me = {
  user: { id: string; email: string; name: string; isAdmin: boolean };
  workspaces: MemberWorkspace[];
};

export type IdentityService = {
  /** Throws `email_taken` and what `checkSignup` throws. */
  register(registration: Registration, client: Client): Promise<Grant>;
  /** Throws `invalid_credentials` for every wrong pair and for disabled people, in equal time. */
  checkPassword(email: string, password: string, client: Client): Promise<Verified>;
  startSession(person: Verified, client: Client): Promise<Grant>;
  /** Throws `refresh_conflict` (rotated under 10 s ago) or `invalid_refresh_token`. */
  refresh(refreshToken: string): Promise<TokenPair>;
  /** Ends what the tokens name; tokens that name nothing are no error. */
  logout(request: LogoutRequest): Promise<void>;
  /** The person behind an access token, at most 5 s stale. Throws `unauthenticated`. */
  authenticate(accessToken: string): Promise<Actor>;
  /** The person of a live session that something else than an access token has named. Throws `unauthenticated`. */
  findActor(session: SessionKey): Promise<Actor>;
  me(actor: Actor): Promise<Me>;
};

export function createIdentityService(context: IdentityDependencies): IdentityService {
  return {
    register: (registration, client) => registerPerson(context, registration, client),
    checkPassword: (email, password, client) => checkPassword(context, { email, password, client }),
    startSession: (person, client) => startSession(context, person, client),
    refresh: (refreshToken) => rotateSession(context, refreshToken),
    logout: (request) => endSessions(context, request),
    authenticate: async (accessToken) => lookUp(context, context.accessTokens.verify(accessToken)),
    findActor: (session) => lookUp(context, session),
    me: (actor) => describeMe(context, actor),
  };
}

async function lookUp(context: IdentityContext, session: SessionKey): Promise<Actor> {
  const actor = await context.actors.get(session.sessionId, async () => {
    const found = await context.database.transaction({ userId: session.userId, workspaceIds: [] }, (tx) =>
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
  const workspaceIds = actor.memberships.map((membership) => membership.workspaceId);
  const workspaces = await database.transaction({ userId: actor.userId, workspaceIds }, (tx) =>
    listWorkspacesOf(tx, actor.userId),
  );
  const { userId: id, email, name, isAdmin } = actor;
  // A key that is good for one workspace does not tell of the others.
  return {
    user: { id, email, name, isAdmin },
    workspaces: workspaces.filter((workspace) => workspaceIds.includes(workspace.id)),
  };
}
