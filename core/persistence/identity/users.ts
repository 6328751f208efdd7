// People. What happens before anybody is known goes through the identity_* functions, past row-level security.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type User = { id: string; email: string; name: string; isAdmin: boolean };
/** `passwordSince` changes with every new password, not with a new hash of the same one. */
export type LoginUser = User & { passwordHash: string; passwordSince: string; disabled: boolean };

export async function hasUsers(executor: Executor): Promise<boolean> {
  const row = await executor.one<{ hasUsers: boolean }>(sql`select identity_has_users() as "hasUsers"`);
  return row?.hasUsers ?? false;
}

/** Registrations wait for each other until the transaction ends, so that "the first" is one person. */
export async function lockRegistration(tx: Executor): Promise<void> {
  await tx.run(sql`select pg_advisory_xact_lock(hashtext('atelier'), hashtext('register'))`);
}

/** Makes the person, their personal workspace and its ownership; null when the e-mail is taken. */
export function registerUser(
  tx: Executor,
  row: {
    id: string;
    email: string;
    name: string;
    passwordHash: string;
    workspaceId: string;
    workspaceName: string;
  },
): Promise<User | null> {
  return tx.one<User>(sql`
    select id, email, name, "isAdmin"
    from identity_register(${row.id}, ${row.email}, ${row.name}, ${row.passwordHash}, ${row.workspaceId},
      ${row.workspaceName})`);
}

/** By e-mail in any case, disabled people too. */
export function findLogin(executor: Executor, email: string): Promise<LoginUser | null> {
  return executor.one<LoginUser>(sql`
    select id, email, name, "isAdmin", "passwordHash", "passwordSince", disabled
    from identity_find_login(${email})`);
}

/** Replaces a hash by one of the same password; nothing when the password was changed meanwhile. */
export function replacePasswordHash(
  tx: Executor,
  row: { userId: string; from: string; to: string },
): Promise<number> {
  return tx.run(sql`
    update users set password_hash = ${row.to}, updated_at = now()
    where id = ${row.userId} and password_hash = ${row.from}`);
}

/** In the person's own name; null when they are gone. */
export async function findPasswordHash(tx: Executor, userId: string): Promise<string | null> {
  const row = await tx.one<{ hash: string }>(sql`
    select password_hash as hash from users where id = ${userId}`);
  return row?.hash ?? null;
}

/** A new password, in the person's own name. */
export async function setPasswordHash(tx: Executor, userId: string, hash: string): Promise<void> {
  await tx.run(sql`
    update users set password_hash = ${hash}, password_changed_at = clock_timestamp(), updated_at = now()
    where id = ${userId}`);
}
