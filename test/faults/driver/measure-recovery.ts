// How long what a fault had stopped stood still, on the database's clock.
import type { Trace } from "./trace.ts";

/**
 * Milliseconds: for each execution a dead worker held, from the death (or from when
 * there was somebody to recover it) to the next claim or end; for each other fault,
 * from its end to the next move of anything. What never went on is not among them: it is stuck.
 */
export async function measureRecovery({ query }: Trace): Promise<number[]> {
  const rows = await query<{ ms: number }>(
    `with held as (
       select d.at, t.id, t.n, t.fence from fault_deaths d
       cross join lateral (
         select distinct on (id) id, n, status, owner, fence from fault_trace where at <= d.at order by id, n desc
       ) t
       where t.status = 'running' and t.owner = d.owner
     ),
     taken as (
       select greatest(held.at, (select min(w.at) from fault_whole w where w.at > held.at)) at, (
         select min(next.at) from fault_trace next
         where next.id = held.id and next.n > held.n and next.status <> 'queued'
       ) again from held
     ),
     moved as (
       select m.at, (select min(t.at) from fault_trace t where t.at > m.at) again from fault_marks m
     )
     select greatest(extract(epoch from again - at) * 1000, 0)::float8 ms
     from (select * from taken union all select * from moved) r where again is not null`,
  );
  return rows.map((row) => row.ms);
}
