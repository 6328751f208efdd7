// Keeps every table as it is from before a snapshot until its end: what rewrites or drops one does not heed snapshots.
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { AppError } from "../../domain/app-error.ts";
import { LEFT_OUT } from "./describe-source.ts";

export type LockPatience = { tries: number; pauseMs: number };

/** A minute, as migrations have it: each of their changes holds its tables for seconds at most. */
export const LOCK_PATIENCE: LockPatience = { tries: 20, pauseMs: 3_000 };

export type TableLocks = {
  patience?: LockPatience;
  /** Told what is waited for. */
  tell?: (line: string) => void;
};

// lock_not_available, undefined_table: dropped since it was listed
const CODES = new Set(["55P03", "42P01"]);

/**
 * `begin` opens the transaction without its snapshot, `look` takes it. In between all tables and partitions are locked
 * against ALTER, DROP and TRUNCATE (ACCESS SHARE); without waiting for one while holding another, which might be a
 * deadlock with a migration. Begins anew where the snapshot sees other tables than were locked. Throws `backup_blocked`.
 */
export async function lockTables(
  client: Client,
  { begin, look }: { begin: () => Promise<void>; look: () => Promise<void> },
  { patience: { tries, pauseMs } = LOCK_PATIENCE, tell = () => {} }: TableLocks,
): Promise<void> {
  for (let left = tries; ; left -= 1) {
    const listed = await listLockable(client);
    await begin();
    try {
      // With their partitions, on which the reader has no right of its own.
      const parents = listed.filter(({ isPartition }) => !isPartition).map(({ name }) => name);
      await client.query(`lock table ${parents.join(", ")} in access share mode nowait`);
      await look();
      const seen = await listLockable(client);
      if (namesOf(seen) === namesOf(listed)) return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && CODES.has(String(error.code)))) throw error;
    }
    await client.query("rollback");
    if (left <= 1) throw await blocked(client, tries);
    tell(
      `A migration or another session is changing tables; trying again in ${pauseMs / 1_000} s, at most ${left - 1} times`,
    );
    await sleep(pauseMs);
  }
}

type Lockable = { name: string; isPartition: boolean };

const namesOf = (tables: readonly Lockable[]) => tables.map(({ name }) => name).join();

async function listLockable(client: Client): Promise<Lockable[]> {
  const { rows } = await client.query<Lockable>(
    `select format('public.%I', c.relname) "name", c.relispartition "isPartition" from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all ($1::text[])
       and not exists (select from pg_depend d
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1`,
    [LEFT_OUT],
  );
  if (rows.length > 0) return rows;
  throw new AppError(
    "pending_migrations",
    "There is nothing in this database yet: is it the right one? node migrations/main.ts (or npm start) makes the tables",
  );
}

async function blocked(client: Client, tries: number): Promise<AppError> {
  const { rows } = await client.query<{ name: string }>(
    `select distinct format('%s, process %s', coalesce(nullif(a.application_name, ''), 'a session'), a.pid) "name"
     from pg_locks l join pg_stat_activity a on a.pid = l.pid join pg_class c on c.oid = l.relation
     where l.mode = 'AccessExclusiveLock' and l.database = (select oid from pg_database where datname = current_database())
       and c.relnamespace = 'public'::regnamespace`,
  );
  const holders = rows.map(({ name }) => name).join("; ") || "it has just ended";
  return new AppError(
    "backup_blocked",
    `A migration is under way, or a session that changes tables was left open (${holders}): ${tries} times over it held ` +
      "tables that a backup must see whole. No backup was taken; take it again when that has ended",
  );
}
