// A person at their own session: for what no API key may do in their name.
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import type { Principals } from "../../persistence/database.ts";
import type { SessionKey } from "../../persistence/identity/sessions.ts";

/** Throws `forbidden` when an API key speaks. */
export function ownSession({ userId, sessionId }: Actor): SessionKey {
  if (sessionId === null) throw new AppError("forbidden", "Sign in for this: no API key may do it");
  return { userId, sessionId };
}

/** A transaction about the person alone, in no workspace. */
export function inNameOf(userId: string): Principals {
  return { userId, workspaceIds: [] };
}
