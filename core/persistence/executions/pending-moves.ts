// What could not be passed on between parents and children where it was written: the row was being written by another, or
// a transaction had cancelled as many as one may.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Of a workspace that are looked at together; its others follow. */
const TURNS = 200;

/** Wakes parents; what still cannot be is noted anew. Who was woken is found by the next look for those nobody has rung. */
export function passOnWakes(database: Executor, limit: number): Promise<number> {
  return database.run(sql`
    with taken as (
      delete from pending_moves
      where id in (select id from pending_moves where move = 'wake' order by id limit ${limit} for update skip locked)
      returning execution_id
    )
    select wake_execution(execution_id) from taken`);
}

/** The last cancel that is to be passed on now; 0: none is. */
export async function findLastCancel(database: Executor): Promise<number> {
  const row = await database.one<{ last: number }>(
    sql`select coalesce(max(id), 0) last from pending_moves where move = 'cancel'`,
  );
  return row?.last ?? 0;
}

/**
 * Ids of the oldest cancels to pass on, workspaces in turn: the first of each in any order, then the second of each. In the
 * order of the ids those of workspaces with many would always come first.
 */
export async function listCancels(
  database: Executor,
  { limit, except = [] }: { limit: number; except?: readonly number[] },
): Promise<number[]> {
  const rows = await database.many<{ id: number }>(sql`
    select id from (
      select id, row_number() over (partition by turn_of order by id) turn
      from pending_moves where move = 'cancel' and id <> all (${except}::bigint[])
    ) waiting
    where turn <= ${TURNS} order by turn, random() limit ${limit}`);
  return rows.map(({ id }) => id);
}

/**
 * In a transaction of its own: to 200 descendants at most, and what is left is noted anew. Resolves to how many
 * descendants were reached; null: somebody else does it.
 */
export async function passOnCancel(database: Executor, id: number): Promise<number | null> {
  const row = await database.one<{ reached: number }>(sql`
    with taken as (
      delete from pending_moves
      where id = (select id from pending_moves where id = ${id}::bigint for update skip locked)
      returning execution_id, asked_by
    ), passed as materialized (select cancel_execution(execution_id, asked_by)::text from taken)
    select coalesce(nullif(current_setting('atelier.cancels', true), ''), '0')::int reached
    from (select count(*) n from passed) done where n > 0`);
  return row?.reached ?? null;
}
