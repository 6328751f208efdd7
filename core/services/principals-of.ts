// The bridges from a verified person to what row-level security lets a transaction see.
import type { Actor } from "../domain/roles.ts";
import type { Principals } from "../persistence/database.ts";

type PersonPrincipals = Principals & { userId: string };

/**
 * Every workspace of the person, whatever the role: what they may do there is `authorize`'s to say, so
 * that a role too small is `forbidden` and only foreign rows are `not_found`.
 */
export function principalsOf(actor: Actor): PersonPrincipals {
  const workspaceIds = actor.memberships.map((m) => m.workspaceId);
  const ends = actor.memberships.flatMap(({ workspaceId, end }) =>
    end ? [{ workspaceId, at: end.at }] : [],
  );
  return { userId: actor.userId, workspaceIds, ends, apiKeyId: actor.apiKey?.id };
}

/** The same in some of them, or in none for the instance's own affairs. */
export function principalsIn(actor: Actor, workspaceIds: readonly string[]): PersonPrincipals {
  return { ...principalsOf(actor), workspaceIds };
}

/** The person alone, in no workspace and by no key: for their account, and while their workspaces are still looked up. */
export function inNameOf(userId: string): Principals {
  return { userId, workspaceIds: [] };
}
