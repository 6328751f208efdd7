// Rows that let nobody in any more and count for nothing: what is swept, after how long.
import type { Executor } from "../database.ts";
import { type Sql, sql } from "../sql.ts";

const HELD = sql`(select held_workspaces())::uuid[]`;

/** A day each, so that an answer can still say "expired" instead of "unknown" for a while. */
const EXPIRED_ATTEMPT_MS = 86_400_000;

/**
 * Each is a DELETE that takes at most `limit` rows by an index. Refresh tokens go with their session: as long as it
 * lives, an old one of its family that comes back must be recognised.
 */
const SWEEPS = {
  sessions: (limit) => sql`
    delete from sessions where id = any (array(select id from sessions
      where least(ended_at, idle_expires_at, expires_at) < clock_timestamp() - interval '30 days' limit ${limit}))`,
  apiKeys: (limit) => sql`
    delete from api_keys where id = any (array(select id from api_keys
      where least(revoked_at, expires_at) < clock_timestamp() - interval '90 days' limit ${limit}))`,
  resetTokens: (limit) => sql`
    delete from reset_tokens where user_id = any (array(select user_id from reset_tokens
      where expires_at < clock_timestamp() - interval '1 day' limit ${limit}))`,
  executionKeys: (limit) => sql`
    delete from execution_keys where ctid = any (array(select ctid from execution_keys
      where created_at < clock_timestamp() - interval '7 days' limit ${limit}))`,
  webhookDeliveries: (limit) => sql`
    delete from webhook_deliveries where ctid = any (array(select ctid from webhook_deliveries
      where received_at < clock_timestamp() - interval '30 days' limit ${limit}))`,
  scheduleFires: (limit) => sql`
    delete from schedule_fires where id = any (array(select id from schedule_fires
      where id < uuid_floor(clock_timestamp() - interval '400 days') and outcome <> 'pending'
        and workspace_id <> all (${HELD}) limit ${limit}))`,
  // Whose schedule an api of the release before has deleted when its foreign key was gone and the trigger not yet there.
  lostFires: (limit) => sql`
    delete from schedule_fires where id = any (array(select f.id from schedule_fires f
      where f.outcome = 'pending' and f.workspace_id <> all (${HELD})
        and not exists (select from schedules s where s.id = f.schedule_id) limit ${limit}))`,
  scheduleSkips: (limit) => sql`
    delete from schedule_skips where id = any (array(select id from schedule_skips
      where id < uuid_floor(clock_timestamp() - interval '400 days') and workspace_id <> all (${HELD}) limit ${limit}))`,
  rateLimits: (limit) => sql`
    delete from rate_limits where key = any (array(select key from rate_limits
      where expire < extract(epoch from clock_timestamp()) * 1000 - ${EXPIRED_ATTEMPT_MS}::int limit ${limit}))`,
} as const satisfies Readonly<Record<string, (limit: number) => Sql>>;

export type SweptKind = keyof typeof SWEEPS | "brokenUploads";

export const SWEPT_KINDS: readonly SweptKind[] = [
  ...(Object.keys(SWEEPS) as (keyof typeof SWEEPS)[]),
  "brokenUploads",
];

/** Deletes at most `limit` rows of one kind; returns how many. For the scheduler. */
export async function sweepRows(executor: Executor, kind: SweptKind, limit: number): Promise<number> {
  if (kind !== "brokenUploads") return executor.run(SWEEPS[kind](limit));
  const row = await executor.one<{ deleted: number }>(sql`select erase_broken_uploads(${limit}) deleted`);
  return row?.deleted ?? 0;
}
