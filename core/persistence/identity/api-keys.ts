// API keys of people; the keys themselves are stored as SHA-256 only.
import type { IdPage } from "../../domain/id-page.ts";
import type { Actor, Scope } from "../../domain/roles.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { membershipsOf } from "./sessions.ts";

/** As its owner sees it; times are ISO 8601, null for never. */
export type ApiKey = {
  id: string;
  name: string;
  /** The first characters of the key. */
  hint: string;
  scopes: Scope[];
  /** Null: good for every workspace of the person. */
  workspaceId: string | null;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  revokedAt: string | null;
};

export type NewApiKey = Pick<ApiKey, "id" | "name" | "hint" | "scopes" | "workspaceId"> & {
  userId: string;
  keyHash: Buffer;
  expiresInDays: number;
};

const COLUMNS = sql`id, name, hint, scopes, workspace_id as "workspaceId", created_at as "createdAt",
  expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;

/** Runs in the name of the owner, as do the next three. */
export async function insertApiKey(tx: Executor, key: NewApiKey): Promise<ApiKey> {
  const row = await tx.one<ApiKey>(sql`
    insert into api_keys (id, user_id, workspace_id, name, hint, key_hash, scopes, expires_at)
    values (${key.id}, ${key.userId}, ${key.workspaceId}, ${key.name}, ${key.hint}, ${key.keyHash}, ${key.scopes},
      clock_timestamp() + make_interval(days => ${key.expiresInDays}))
    returning ${COLUMNS}`);
  return row as ApiKey;
}

/** Keys that work now. The person's other transactions that count wait until this one ends. */
export async function countLiveApiKeys(tx: Executor, userId: string): Promise<number> {
  await tx.run(sql`select pg_advisory_xact_lock(hashtext('api-keys'), hashtext(${userId}))`);
  const row = await tx.one<{ live: number }>(sql`
    select count(*) as live from api_keys
    where user_id = ${userId} and revoked_at is null and (expires_at is null or expires_at > clock_timestamp())`);
  return row?.live ?? 0;
}

/** Newest first; the dead stay for 30 days, so that their owner sees what happened to them. */
export function listApiKeys(tx: Executor, page: IdPage & { userId: string }): Promise<ApiKey[]> {
  return tx.many<ApiKey>(sql`
    select ${COLUMNS} from api_keys
    where user_id = ${page.userId} and id < coalesce(${page.before ?? null}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      and coalesce(least(revoked_at, expires_at), 'infinity') > clock_timestamp() - interval '30 days'
    order by id desc limit ${page.limit}`);
}

/** `revoked` false: it had been before. Null when the person has no such key. */
export function revokeApiKey(
  tx: Executor,
  key: { id: string; userId: string },
): Promise<{ revoked: boolean; workspaceId: string | null; name: string } | null> {
  return tx.one(sql`
    with live as (
      update api_keys set revoked_at = clock_timestamp()
      where id = ${key.id} and user_id = ${key.userId} and revoked_at is null returning id)
    select exists (select from live) as revoked, workspace_id as "workspaceId", name from api_keys
    where id = ${key.id} and user_id = ${key.userId}`);
}

/** Returns how many worked until now. */
export function revokeApiKeysOf(tx: Executor, userId: string): Promise<number> {
  return tx.run(sql`
    update api_keys set revoked_at = clock_timestamp() where user_id = ${userId} and revoked_at is null
      and (expires_at is null or expires_at > clock_timestamp())`);
}

/** What a live key names; notes its use at most once a minute. Runs before anybody is known. */
export function useApiKey(
  executor: Executor,
  keyHash: Buffer,
): Promise<{ id: string; userId: string } | null> {
  return executor.one(sql`select id, "userId" from identity_use_api_key(${keyHash})`);
}

/**
 * The person behind a live key, as far as the key lets them be seen: one workspace when it names one, an
 * administrator only with the scope admin and no workspace, and nowhere by emergency. Runs in the name of its owner.
 */
export function findKeyActor(tx: Executor, key: { id: string; userId: string }): Promise<Actor | null> {
  return tx.one<Actor>(sql`
    select u.id as "userId", null as "sessionId", u.email, u.name,
      json_strip_nulls(json_build_object('id', k.id, 'scopes', k.scopes, 'workspaceId', k.workspace_id,
        'expiresAt', k.expires_at)) as "apiKey",
      u.is_admin and 'admin' = any (k.scopes) and k.workspace_id is null as "isAdmin",
      ${membershipsOf(sql`(k.workspace_id is null or m.workspace_id = k.workspace_id) and m.emergency_reason is null`)} as memberships
    from api_keys k join users u on u.id = k.user_id
    where k.id = ${key.id} and k.user_id = ${key.userId} and k.revoked_at is null and u.disabled_at is null
      and (k.expires_at is null or k.expires_at > clock_timestamp())`);
}
