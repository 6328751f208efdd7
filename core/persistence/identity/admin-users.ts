// People as an administrator of the instance sees and changes them: through the admin_* functions only, which
// ask once more whether the transaction speaks for an enabled administrator.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { keepingOutErased } from "./keep-out-erased.ts";

export type AdminUser = {
  id: string;
  email: string;
  name: string;
  isAdmin: boolean;
  disabled: boolean;
  totpEnabled: boolean;
  erased: boolean;
  createdAt: string;
  /** Of their sessions and API keys; null when they never signed in. */
  lastUsedAt: string | null;
};

const COLUMNS = sql`id, email, name, "isAdmin", disabled, "totpEnabled", erased, "createdAt", "lastUsedAt"`;

export type ListUsers = { query?: string | undefined; before?: string | undefined; limit: number };

/** Newest first; nobody when the caller is no administrator. */
export function listUsers(tx: Executor, { query, before, limit }: ListUsers): Promise<AdminUser[]> {
  return tx.many<AdminUser>(sql`
    select ${COLUMNS} from admin_list_users(null, ${query ?? null}, ${before ?? null}, ${limit})`);
}

export function findUser(tx: Executor, id: string): Promise<AdminUser | null> {
  return tx.one<AdminUser>(sql`select ${COLUMNS} from admin_list_users(${id}, null, null, 1)`);
}

export type UserChange = { disabled?: boolean | undefined; isAdmin?: boolean | undefined };
export type ChangedUser = Pick<AdminUser, "isAdmin" | "disabled"> & {
  outcome: "changed" | "unchanged" | "forbidden" | "not_found" | "erased" | "last_admin";
  endedSessions: number;
};

/**
 * Changes of administrators wait for each other until the transaction ends. Disabling ends the person's sessions.
 * Throws `being_erased` rather than give something back to a person whose erasure is pending.
 */
export async function changeUser(tx: Executor, id: string, change: UserChange): Promise<ChangedUser> {
  const row = await keepingOutErased(
    tx.one<ChangedUser>(sql`
      select outcome, "isAdmin", disabled, "endedSessions"
      from admin_change_user(${id}, ${change.disabled ?? null}, ${change.isAdmin ?? null})`),
  );
  return row ?? { outcome: "forbidden", isAdmin: false, disabled: false, endedSessions: 0 };
}

/** The ids of the sessions that were alive until now. */
export async function endSessionsOf(tx: Executor, userId: string): Promise<string[]> {
  const rows = await tx.many<{ id: string }>(sql`select id from admin_end_sessions(${userId}) as id`);
  return rows.map((row) => row.id);
}

/** False when the person has no second factor, set up or begun. */
export async function resetMfa(tx: Executor, userId: string): Promise<boolean> {
  const row = await tx.one<{ reset: boolean }>(sql`select admin_reset_mfa(${userId}) as reset`);
  return row?.reset ?? false;
}
