// What the journal says about effects that have not succeeded, and about those that must not be repeated.
import { EFFECT_IN_DOUBT } from "../../domain/effect-doubt.ts";
import { type Sql, sql } from "../sql.ts";

/**
 * Whether an attempt that has not succeeded may have had its effect. What was written before failures said so themselves
 * counts as in doubt where it may be: a cancelled step without an error, and a failure that could be tried again.
 */
export function isOpenEffect(effect: Sql, status: Sql, error: Sql): Sql {
  const isRetryable = sql`coalesce((${error} ->> 'retryable')::boolean, false)`;
  const isSaid = sql`(${error} ->> 'inDoubt')::boolean`;
  return sql`case
    when ${status} = 'failed' then ${error} ->> 'code' = ${EFFECT_IN_DOUBT} or case ${effect}
      when 'effectful' then coalesce(${isSaid}, ${isRetryable}) else ${isRetryable} or coalesce(${isSaid}, false) end
    when ${effect} = 'effectful' and ${status} = 'cancelled' then coalesce(${isSaid}, true)
    else ${status} <> 'succeeded' end`;
}

/**
 * Whether anything that must not be repeated has gone out in the execution or in a sub-workflow of it: made anew, it would
 * go out again.
 */
export function hasSentOnce(executionId: Sql): Sql {
  return sql`exists (
    with recursive below as (
      select ${executionId} id
      union
      select (s.state ->> 'childId')::uuid from below b
      join execution_steps s on s.execution_id = b.id and s.state ? 'childId'
    )
    select from below b join execution_steps s on s.execution_id = b.id
    where s.effect = 'effectful'
      and (s.status = 'succeeded' or ${isOpenEffect(sql`s.effect`, sql`s.status`, sql`s.error`)}))`;
}
