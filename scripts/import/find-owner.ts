// Decides to whom what is imported will belong, and into which workspace it goes.
import { AppError } from "../../core/domain/app-error.ts";
import type { Database } from "../../core/persistence/database.ts";
import { findPersonalWorkspace } from "../../core/persistence/identity/personal-workspace.ts";
import { findAdmins, findImportUser, type ImportUser } from "../../core/persistence/imports/import-owner.ts";

export type ImportOwner = { id: string; email: string; workspaceId: string };

/** Throws `import_refused` with what to do when there is no such person. */
export async function findOwner(db: Database, email: string | null): Promise<ImportOwner> {
  const user = email === null ? await findOnlyAdmin(db) : await findByEmail(db, email);
  const principals = { userId: user.id, workspaceIds: [] };
  const workspaceId = await db.transaction(principals, (tx) => findPersonalWorkspace(tx, user.id));
  if (workspaceId === null) throw refusal(`${user.email} has no personal workspace to import into`);
  return { id: user.id, email: user.email, workspaceId };
}

async function findByEmail(db: Database, email: string): Promise<ImportUser> {
  const user = await findImportUser(db, email);
  if (!user)
    throw refusal(`Nobody is registered as ${email}: register first (POST /auth/register), then import`);
  if (user.disabled) throw refusal(`The user ${email} is disabled`);
  return user;
}

async function findOnlyAdmin(db: Database): Promise<ImportUser> {
  const [admin, another] = await findAdmins(db);
  if (!admin) {
    throw refusal("Nobody is registered yet: register first (the first user becomes admin), then import");
  }
  if (another) throw refusal("There are several admins: say whose the import will be with --email");
  return admin;
}

function refusal(message: string): AppError {
  return new AppError("import_refused", message);
}
