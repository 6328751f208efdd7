// Emergency access ("break glass"): an instance's administrator lets themselves into a workspace, seen by all who own it.
import { AppError } from "../../domain/app-error.ts";
import { type Actor, notFound, type WorkspaceRole } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import {
  type EmergencyVerdict,
  type NewEmergency,
  type OpenedEmergency,
  openEmergency,
} from "../../persistence/identity/emergencies.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import {
  deleteMember,
  findMember,
  listEmergencies,
  type Member,
} from "../../persistence/identity/members.ts";
import type { IdentityContext } from "../identity/identity-context.ts";
import { type Proof, proveAgain } from "../identity/prove-again.ts";
import { principalsIn, principalsOf } from "../principals-of.ts";
import { type Post, sendLetter } from "../send-letter.ts";
import { emergencyEntries } from "./emergency-audit.ts";
import { emergencyMail } from "./emergency-mail.ts";
import { lockOwned } from "./own-workspace.ts";

/** Openings of one administrator, all workspaces together. */
const PER_HOUR = 10;

export type EmergencyDependencies = Post &
  Pick<IdentityContext, "database" | "hasher" | "envelope"> & { publicUrl: string };

export type EmergencyAccess = {
  userId: string;
  role: WorkspaceRole;
  reason: string;
  /** ISO 8601. */
  since: string;
  until: string;
  /** How many owners' mails the mail server took; the list of members tells them all the same. */
  ownersMailed: number;
};

export type EmergencyService = {
  /**
   * For administrators who are signed in; the route lets nobody else in, the database asks again. Throws what
   * `proveAgain` throws, `already_member` (also while one is open: none can be prolonged), `not_found`, `rate_limited`.
   */
  open(actor: Actor, wish: NewEmergency, proof: Proof): Promise<EmergencyAccess>;
  /** One's own; for an owner all that are open. Returns how many. Throws `not_found` and `forbidden`. */
  end(actor: Actor, workspaceId: string): Promise<number>;
};

export function createEmergencyService(dependencies: EmergencyDependencies): EmergencyService {
  return {
    open: (actor, wish, proof) => open(dependencies, actor, wish, proof),
    end: (actor, workspaceId) => end(dependencies, actor, workspaceId),
  };
}

async function open(
  dependencies: EmergencyDependencies,
  actor: Actor,
  wish: NewEmergency,
  proof: Proof,
): Promise<EmergencyAccess> {
  const { workspaceId, role, reason, minutes } = wish;
  const { userId } = actor;
  if (actor.memberships.some((membership) => membership.workspaceId === workspaceId)) throw alreadyMember();
  const factor = await proveAgain(dependencies, actor, proof);
  const opened = await dependencies.database.transaction(principalsIn(actor, []), async (tx) => {
    const made = requireOpened(await openEmergency(tx, wish, PER_HOUR));
    await announceIdentityChange(tx, [userId]);
    const details = { reason, role, minutes, until: made.until, proof: factor, owners: made.owners.length };
    await appendAudit(tx, emergencyEntries(userId, { workspaceId, userId }, "emergency.opened", details));
    return made;
  });
  const ownersMailed = await tellOwners(dependencies, actor, wish, opened);
  return { userId, role, reason, since: opened.since, until: opened.until, ownersMailed };
}

function requireOpened(verdict: EmergencyVerdict): OpenedEmergency {
  if (verdict.outcome === "opened") return verdict;
  if (verdict.outcome === "not_found") throw notFound("workspace");
  if (verdict.outcome === "member") throw alreadyMember();
  if (verdict.outcome === "too_many") {
    const message = `Emergency access was opened ${PER_HOUR} times within an hour`;
    throw new AppError("rate_limited", message, { details: { retryAfterMs: verdict.retryAfterMs } });
  }
  throw new AppError("forbidden", "Only an administrator of this instance may do this");
}

function alreadyMember(): AppError {
  return new AppError(
    "already_member",
    "You are in this workspace already, as a member or by emergency access",
  );
}

/** After the commit. How many mails were taken. */
async function tellOwners(
  dependencies: EmergencyDependencies,
  { email: admin }: Actor,
  { role, reason }: NewEmergency,
  { owners, workspaceName, until }: OpenedEmergency,
): Promise<number> {
  const letter = { admin, workspaceName, role, reason, until, publicUrl: dependencies.publicUrl };
  const sent = await Promise.all(owners.map((to) => sendLetter(dependencies, emergencyMail(to, letter))));
  return sent.filter((isTaken) => isTaken).length;
}

async function end({ database }: EmergencyDependencies, actor: Actor, workspaceId: string): Promise<number> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const ending = await findEnding(tx, actor, workspaceId);
    if (ending.length === 0) return 0;
    for (const { userId } of ending) await deleteMember(tx, { workspaceId, userId });
    await announceIdentityChange(
      tx,
      ending.map(({ userId }) => userId),
    );
    const entries = ending.flatMap(({ userId, role, emergency }) =>
      emergencyEntries(actor.userId, { workspaceId, userId }, "emergency.ended", {
        role,
        until: emergency?.until,
      }),
    );
    await appendAudit(tx, entries);
    return ending.length;
  });
}

/** Who lets themselves out needs no right for it, as with leaving. */
async function findEnding(tx: Executor, actor: Actor, workspaceId: string): Promise<Member[]> {
  const own = await findMember(tx, { workspaceId, userId: actor.userId });
  if (own?.emergency) return [own];
  await lockOwned(tx, actor, "member:write", workspaceId);
  return listEmergencies(tx, workspaceId);
}
