// Finds out whom the executions of before 0056 have behind them, by and by, beside everybody's work.
import type pg from "pg";
import { type LockWait, retryLocked } from "./retry-locked.ts";

/** Looked at, not changed: most come from no other. The rows of those that are changed stay locked for about 0.1 s. */
const BATCH = 2_000;

const NIL = "00000000-0000-0000-0000-000000000000";

// The release before wrote `startedBy` only. Whatever is found out is not looked behind; mostly that is the first origin,
// because ids grow with time. Without nested loops by id every batch would read the table.
const FIND = `
  with recursive page as materialized (
    select e.id, e.user_id, e.retry_of, e.fork_of, e.parent_id, e.people_behind
    from workflow_executions e where e.id > $1 order by e.id limit $2
  ), line as (
    select p.id as of, p.user_id, p.retry_of, p.fork_of, p.parent_id, null::uuid[] as found, null::uuid[] as own
    from page p where p.people_behind is null and coalesce(p.retry_of, p.fork_of, p.parent_id) is not null
    union
    select l.of, l.user_id, o.retry_of, o.fork_of, o.parent_id, o.people_behind,
      array[o.user_id, case when o.trigger_type = 'schedule' then (o.trigger ->> 'startedBy')::uuid end]
    from line l cross join lateral unnest(array[l.retry_of, l.fork_of, l.parent_id]) as origin (id)
      join workflow_executions o on o.id = origin.id
    where l.found is null
  ), found as materialized (
    select l.of, coalesce(array_agg(distinct p.person order by p.person)
      filter (where p.person is not null and p.person is distinct from l.user_id), '{}') as people
    from line l left join lateral unnest(l.found || l.own) as p (person) on true
    group by l.of
  ), told as (
    update workflow_executions e set people_behind = f.people from found f
    where e.id = f.of and e.people_behind is null
    returning e.id
  )
  select (select p.id from page p order by p.id desc limit 1) as last, (select count(*)::int from page) as looked,
    (select count(*)::int from told) as told`;

type Batch = { last: string | null; looked: number; told: number };

/** Broken off, it goes on from the beginning: what has been found out it passes by. Throws `migration_blocked`. */
export async function findPeople(wait: LockWait): Promise<void> {
  let told = 0;
  let looked = 0;
  for (let after: string | null = NIL; after !== null; ) {
    const from: string = after;
    const batch = await retryLocked(wait, () => findBatch(wait.client, from));
    told += batch.told;
    looked += batch.looked;
    if (looked % (250 * BATCH) === 0 && batch.looked > 0) {
      wait.tell(`${looked} executions looked at, ${told} told whom they have behind them`);
    }
    after = batch.looked < BATCH ? null : batch.last;
  }
}

async function findBatch(client: pg.Client, after: string): Promise<Batch> {
  await client.query("begin");
  // The owner of the tables sees no rows.
  await client.query("set local role atelier_scheduler");
  // Pruning as the roles have it (core/persistence/database.ts), whose joins found nothing where a row had just been changed.
  for (const off of ["enable_hashjoin", "enable_mergejoin", "enable_partition_pruning", "jit"]) {
    await client.query(`set local ${off} = off`);
  }
  const { rows } = await client.query<Batch>(FIND, [after, BATCH]);
  await client.query("commit");
  return rows[0] ?? { last: null, looked: 0, told: 0 };
}
