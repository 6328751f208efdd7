// What an administrator of the instance does for people: find, disable, promote, end sessions, take a lost factor away.
import { AppError } from "../../domain/app-error.ts";
import type { MailMessage } from "../../domain/mailer.ts";
import { type Actor, notFound, requireSession, requireSessionForOneself } from "../../domain/roles.ts";
import { tokenLink } from "../../domain/token-link.ts";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import {
  type AdminUser,
  type ChangedUser,
  changeUser,
  endSessionsOf,
  findUser,
  type ListUsers,
  listUsers,
  resetMfa,
  type UserChange,
} from "../../persistence/identity/admin-users.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { principalsIn } from "../principals-of.ts";
import { type Post, sendLetter } from "../send-letter.ts";
import { createResetToken } from "./create-reset-token.ts";

export type AdminUserDependencies = Post & {
  database: Database;
  publicUrl: string;
};

/** `mailed`: the mail server took it for the person, too. */
export type ResetLink = { url: string; expiresAt: string; mailed: boolean };

export type AdminUserService = ReturnType<typeof createAdminUserService>;

/** Routes let administrators in only; the database asks again. Unknown people are `not_found`. */
export function createAdminUserService(dependencies: AdminUserDependencies) {
  const { database } = dependencies;
  const speak = <Result>(actor: Actor, work: (tx: Executor) => Promise<Result>) =>
    database.transaction(principalsIn(actor, []), work);
  return {
    list: (actor: Actor, page: ListUsers): Promise<AdminUser[]> => speak(actor, (tx) => listUsers(tx, page)),
    get: (actor: Actor, id: string): Promise<AdminUser> => speak(actor, (tx) => requireUser(tx, id)),
    /**
     * Disabling ends the person's sessions. Throws `last_admin` rather than leave the instance without one, and
     * `forbidden` when an API key would make or unmake an administrator, who could be the thief of that key.
     */
    async change(actor: Actor, id: string, change: UserChange): Promise<AdminUser> {
      requireSessionForOneself(actor, id);
      if (change.isAdmin !== undefined) requireSession(actor);
      return await speak(actor, (tx) => applyChange(tx, actor, id, change));
    },
    /** Returns how many ended. */
    endSessions: (actor: Actor, id: string): Promise<number> =>
      speak(actor, async (tx) => {
        requireSessionForOneself(actor, id);
        await requireUser(tx, id);
        const { length } = await endSessionsOf(tx, id);
        await announceIdentityChange(tx, [id]);
        await appendAudit(tx, [entry(actor, id, "user.sessions_ended", { sessions: length })]);
        return length;
      }),
    /** Good once and for an hour; the one before is void. Throws `conflict` for disabled people. */
    async createResetLink(actor: Actor, id: string): Promise<ResetLink> {
      const { email, token, expiresAt } = await speak(actor, (tx) => makeResetToken(tx, actor, id));
      const url = tokenLink(dependencies.publicUrl, "/reset", token);
      return { url, expiresAt, mailed: await sendLetter(dependencies, resetLetter(email, url)) };
    },
    /** Throws `conflict` when there is no second factor. The reason stands in the log. */
    resetMfa: (actor: Actor, id: string, reason: string): Promise<void> =>
      speak(actor, async (tx) => {
        await requireUser(tx, id);
        if (!(await resetMfa(tx, id)))
          throw new AppError("conflict", "This person has not set up a second factor");
        await announceIdentityChange(tx, [id]);
        await appendAudit(tx, [entry(actor, id, "user.mfa_reset", { reason })]);
      }),
  };
}

async function requireUser(tx: Executor, id: string): Promise<AdminUser> {
  const user = await findUser(tx, id);
  if (!user) throw notFound("user");
  return user;
}

async function applyChange(tx: Executor, actor: Actor, id: string, change: UserChange): Promise<AdminUser> {
  // Read before: who takes the right away from themselves sees nobody after.
  const user = await findUser(tx, id);
  const { outcome, isAdmin, disabled, endedSessions } = await changeUser(tx, id, change);
  refuse(outcome);
  if (!user) throw notFound("user");
  if (outcome === "changed") {
    await announceIdentityChange(tx, [id]);
    const details = { ...change, ...(endedSessions > 0 && { endedSessions }) };
    await appendAudit(tx, [entry(actor, id, "user.changed", details)]);
  }
  return { ...user, isAdmin, disabled };
}

function refuse(outcome: ChangedUser["outcome"]): void {
  if (outcome === "not_found") throw notFound("user");
  if (outcome === "forbidden") {
    throw new AppError("forbidden", "Only an administrator of this instance may do this");
  }
  if (outcome === "erased")
    throw new AppError("conflict", "This person was erased; nothing is left to change");
  if (outcome === "last_admin") {
    throw new AppError("last_admin", "This is the last administrator; make somebody else one first");
  }
}

async function makeResetToken(tx: Executor, actor: Actor, id: string) {
  const user = await requireUser(tx, id);
  if (user.disabled) throw new AppError("conflict", "This person is disabled; enable them first");
  const made = await createResetToken(tx, { userId: id, createdBy: actor.userId });
  await appendAudit(tx, [entry(actor, id, "user.reset_link_created", { expiresAt: made.expiresAt })]);
  return { ...made, email: user.email };
}

function resetLetter(to: string, url: string): MailMessage {
  const text = `An administrator has made this link for you. It sets a new password, once and within an hour:\n\n${url}\n`;
  return { to, subject: "Set a new password", text };
}

function entry(actor: Actor, targetId: string, action: string, details: unknown): AuditEntry {
  return { chainId: INSTANCE_CHAIN, actorId: actor.userId, action, targetType: "user", targetId, details };
}
