// People for the command line, whose caller holds the database itself: statements of the role atelier_admin.

import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import type { AdminUser } from "./admin-users.ts";
import { keepingOutErased } from "./keep-out-erased.ts";

export type CommandLineUser = Omit<AdminUser, "erased" | "lastUsedAt">;

const COLUMNS = sql`id, email, name, is_admin as "isAdmin", disabled_at is not null as disabled,
  totp_enabled_at is not null as "totpEnabled", created_at as "createdAt"`;

/** In any spelling; locked until the transaction ends. Erased people have no address. */
export function lockUserByEmail(tx: Executor, email: string): Promise<CommandLineUser | null> {
  return tx.one<CommandLineUser>(sql`
    select ${COLUMNS} from users where lower(email) = lower(${email}) and erased_at is null for update`);
}

/** The oldest first, a page after an id. */
export function listUsersByAge(
  tx: Executor,
  after: string | null,
  limit: number,
): Promise<CommandLineUser[]> {
  return tx.many<CommandLineUser>(sql`
    select ${COLUMNS} from users
    where erased_at is null and (${after}::uuid is null or id > ${after}::uuid) order by id limit ${limit}`);
}

/** Throws `being_erased`, as does the next. */
export async function makeAdmin(tx: Executor, id: string): Promise<void> {
  const change = sql`update users set is_admin = true, updated_at = clock_timestamp() where id = ${id}`;
  await keepingOutErased(tx.run(change));
}

export async function enableUser(tx: Executor, id: string): Promise<void> {
  const change = sql`update users set disabled_at = null, updated_at = clock_timestamp() where id = ${id}`;
  await keepingOutErased(tx.run(change));
}

export async function clearTotp(tx: Executor, id: string): Promise<void> {
  await tx.run(sql`
    update users set totp_secret = null, totp_wrapped_key = null, totp_key_id = null, totp_last_step = null,
      totp_enabled_at = null, recovery_code_hashes = '{}', updated_at = clock_timestamp()
    where id = ${id}`);
}

/** Returns how many worked until now. */
export function revokeKeysOf(tx: Executor, userId: string): Promise<number> {
  return tx.run(sql`
    update api_keys set revoked_at = clock_timestamp() where user_id = ${userId} and revoked_at is null
      and (expires_at is null or expires_at > clock_timestamp())`);
}
