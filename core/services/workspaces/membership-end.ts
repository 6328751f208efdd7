// Which end a membership may have: ahead, within a year, and never an owner's.
import { AppError } from "../../domain/app-error.ts";
import type { WorkspaceRole } from "../../domain/roles.ts";
import type { Executor } from "../../persistence/database.ts";
import { judgeEnd } from "../../persistence/identity/members.ts";

/** `path` is where the client said it. Throws `membership_ends` for an owner, else `invalid_request`. */
export async function requireGoodEnd(
  tx: Executor,
  { role, at, path }: { role: WorkspaceRole | null; at: string; path: string },
): Promise<void> {
  if (role === "owner") throw ownerHasNoEnd(`An owner's membership has no end: leave ${path} out, or null`);
  const verdict = await judgeEnd(tx, at);
  if (verdict === "fine") return;
  const message =
    verdict === "past" ? "A membership ends in the future" : "A membership with an end lasts a year at most";
  throw new AppError("invalid_request", message, { problems: [{ path, message }] });
}

export function ownerHasNoEnd(message: string): AppError {
  return new AppError("membership_ends", message);
}
