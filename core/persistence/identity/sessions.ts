// Sessions and the refresh tokens that carry them on; tokens are stored as SHA-256 only.
import type { IdPage } from "../../domain/id-page.ts";
import type { Actor } from "../../domain/roles.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Minutes without a refresh, and minutes since sign-in, after which a session is over. */
export type SessionLimits = { idleMinutes: number; maxMinutes: number };

/** Neither ended nor idle nor too old, on the database's clock. */
const LIVE = sql`ended_at is null and least(idle_expires_at, expires_at) > clock_timestamp()`;

export type NewSession = {
  id: string;
  userId: string;
  tokenHash: Buffer;
  /** As the browser names itself, and the address it came from: shown to the owner of the session. */
  userAgent: string;
  client: string;
};

/** The session and its first refresh token. Runs in the name of `userId`. */
export async function insertSession(tx: Executor, session: NewSession, limits: SessionLimits): Promise<void> {
  await tx.run(sql`
    insert into sessions (id, user_id, user_agent, client, idle_expires_at, expires_at)
    values (${session.id}, ${session.userId}, ${session.userAgent}, ${session.client},
      clock_timestamp() + make_interval(mins => ${limits.idleMinutes}),
      clock_timestamp() + make_interval(mins => ${limits.maxMinutes}))`);
  await tx.run(sql`
    insert into refresh_tokens (token_hash, session_id) values (${session.tokenHash}, ${session.id})`);
}

/** rotated: the new token is valid. recent: rotated under 10 s ago. reused: the session is ended. refused: no good. */
export type Rotation =
  | { outcome: "rotated" | "recent" | "reused"; sessionId: string; userId: string }
  | { outcome: "refused"; sessionId: string | null; userId: string | null };

export async function rotateRefreshToken(
  tx: Executor,
  hashes: { tokenHash: Buffer; newTokenHash: Buffer },
  { idleMinutes }: SessionLimits,
): Promise<Rotation> {
  const rotation = await tx.one<Rotation>(sql`
    select outcome, "sessionId", "userId"
    from identity_rotate_refresh(${hashes.tokenHash}, ${hashes.newTokenHash}, make_interval(mins => ${idleMinutes}))`);
  return rotation ?? { outcome: "refused", sessionId: null, userId: null };
}

export type SessionKey = { sessionId: string; userId: string };

/** Ends the session any of its refresh tokens names; null when it had ended or never was. */
export function endSessionByToken(tx: Executor, tokenHash: Buffer): Promise<SessionKey | null> {
  return tx.one<SessionKey>(sql`select "sessionId", "userId" from identity_end_session(${tokenHash})`);
}

/** Ends a session of the person in whose name the transaction runs. */
export function endSession(tx: Executor, sessionId: string): Promise<SessionKey | null> {
  return tx.one<SessionKey>(sql`
    update sessions set ended_at = clock_timestamp(), end_reason = 'logout'
    where id = ${sessionId} and ${LIVE}
    returning id as "sessionId", user_id as "userId"`);
}

/** Ends every live session of a person but one, or all when `keep` is null; how many there were. */
export function endSessionsOf(
  tx: Executor,
  row: { userId: string; keep: string | null; reason: "logout" | "password" },
): Promise<number> {
  return tx.run(sql`
    update sessions set ended_at = clock_timestamp(), end_reason = ${row.reason}
    where user_id = ${row.userId} and ended_at is null and id is distinct from ${row.keep}::uuid`);
}

/** The person has just given their password in it, in whose name the transaction runs. */
export async function noteProof(tx: Executor, sessionId: string): Promise<void> {
  await tx.run(sql`update sessions set proven_at = clock_timestamp() where id = ${sessionId}`);
}

/** Seconds since the person proved in it who they are: at its start or since. Null when there is no such session. */
export async function findProofAge(tx: Executor, sessionId: string): Promise<number | null> {
  const row = await tx.one<{ seconds: number }>(sql`
    select extract(epoch from clock_timestamp() - coalesce(proven_at, created_at))::float8 as seconds
    from sessions where id = ${sessionId}`);
  return row?.seconds ?? null;
}

export type SessionListing = {
  id: string;
  client: string;
  userAgent: string;
  createdAt: string;
  /** When it was last refreshed. */
  lastUsedAt: string;
};

/** The live sessions of a person, newest first, from the one before `before`. */
export function listSessions(tx: Executor, query: IdPage & { userId: string }): Promise<SessionListing[]> {
  return tx.many<SessionListing>(sql`
    select id, client, user_agent as "userAgent", created_at as "createdAt", last_used_at as "lastUsedAt"
    from sessions
    where user_id = ${query.userId} and ${LIVE} and (${query.before ?? null}::uuid is null or id < ${query.before ?? null})
    order by id desc limit ${query.limit}`);
}

/** The memberships `m` of the user `u` as the actor has them; `needsTotp` and `end` only where there is such a thing. */
export const membershipsOf = (filter = sql`true`) => sql`coalesce((
  select json_agg(json_strip_nulls(json_build_object('workspaceId', m.workspace_id, 'role', m.role,
    'needsTotp', case when w.require_totp and u.totp_enabled_at is null then true end,
    'end', case when m.expires_at is not null then json_build_object('at', m.expires_at,
      'inMs', extract(epoch from m.expires_at - clock_timestamp()) * 1000) end)) order by m.workspace_id)
  from workspace_members m join workspaces w on w.id = m.workspace_id
  where m.user_id = u.id and ${filter}), '[]')`;

/** The person behind a live session with their memberships; null when ended, expired or disabled. */
export function findActor(tx: Executor, session: SessionKey): Promise<Actor | null> {
  return tx.one<Actor>(sql`
    select u.id as "userId", s.id as "sessionId", null as "apiKey", u.email, u.name, u.is_admin as "isAdmin",
      ${membershipsOf()} as memberships
    from sessions s join users u on u.id = s.user_id
    where s.id = ${session.sessionId} and s.user_id = ${session.userId} and u.disabled_at is null and ${LIVE}`);
}
