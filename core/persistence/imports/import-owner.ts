// Whom an import belongs to: a user by e-mail, or the only admin of the instance.
import type { Database, Executor } from "../database.ts";
import { NOBODY } from "../database.ts";
import { sql } from "../sql.ts";

export type ImportUser = { id: string; email: string; disabled: boolean };

export function findImportUser(db: Executor, email: string): Promise<ImportUser | null> {
  return db.one<ImportUser>(sql`select id, email, disabled from identity_find_login(${email})`);
}

/**
 * At most two: enough to know whether there is exactly one. Needs the owner's connection: only it may speak as
 * atelier_identity, the role that sees people before anybody is known.
 */
export function findAdmins(db: Database): Promise<ImportUser[]> {
  return db.transaction(NOBODY, async (tx) => {
    await tx.run(sql`set local role atelier_identity`);
    return tx.many<ImportUser>(sql`
      select id, email, disabled_at is not null as disabled from users
      where is_admin and disabled_at is null order by id limit 2`);
  });
}
