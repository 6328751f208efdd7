// Other people's API keys as an administrator of the instance sees and ends them: through the admin_* functions only.
import type { IdPage } from "../../domain/id-page.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import type { ApiKey } from "./api-keys.ts";

const COLUMNS = sql`id, name, hint, scopes, "workspaceId", "createdAt", "expiresAt", "lastUsedAt", "revokedAt"`;

/** Newest first, the dead for 30 days; none when the caller is no administrator. */
export function listKeysOf(tx: Executor, userId: string, { before, limit }: IdPage): Promise<ApiKey[]> {
  return tx.many<ApiKey>(sql`
    select ${COLUMNS} from admin_list_api_keys(${userId}, null, ${before ?? null}, ${limit})`);
}

export function findKeyOf(tx: Executor, userId: string, id: string): Promise<ApiKey | null> {
  return tx.one<ApiKey>(sql`select ${COLUMNS} from admin_list_api_keys(${userId}, ${id}, null, 1)`);
}

/** One key, or all without `id`; the ids of those that worked until now. */
export async function revokeKeysOf(tx: Executor, userId: string, id: string | null): Promise<string[]> {
  const rows = await tx.many<{ id: string }>(sql`
    select id from admin_revoke_api_keys(${userId}, ${id}) as id`);
  return rows.map((row) => row.id);
}
