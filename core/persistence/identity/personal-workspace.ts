// The workspace every person has from the start: where things go that name no workspace.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export async function findPersonalWorkspace(tx: Executor, userId: string): Promise<string | null> {
  const row = await tx.one<{ id: string }>(sql`
    select id from workspaces where created_by = ${userId} and personal order by id limit 1`);
  return row?.id ?? null;
}
