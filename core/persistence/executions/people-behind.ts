// Who stands behind an execution: none of them signs what it asks.
import { type Sql, sql } from "../sql.ts";

/**
 * In whose name the execution `of` runs, and who had its schedule run by hand; what else is known of it stands in its
 * `people_behind`. Nobody else writes the triggers of schedules. Said in 0056 too, for retries and forks.
 */
const peopleOf = (of: Sql) => sql`${of}.user_id || case when ${of}.trigger_type = 'schedule'
  then array[(${of}.trigger ->> 'startedBy')::uuid] end`;

/** All of them, and those behind what it was retried, forked or called from: the row keeps these, they may have expired by now. */
export const peopleBehind = (of: Sql): Sql => sql`array(
  select distinct person from unnest(${of}.people_behind || ${peopleOf(of)}) person where person is not null)`;

/**
 * Those but its own person: what it starts in that person's name has them behind it. Never null: what leaves it out is
 * looked after by a trigger, which takes 350 µs instead of 3.
 */
export const othersBehind = (of: Sql): Sql =>
  sql`array_remove(array_remove(${of}.people_behind || ${peopleOf(of)}, null), ${of}.user_id)`;
