// In whose name the statements of a transaction are read by row-level security.
import type { Executor, Principals } from "./database.ts";
import { sql } from "./sql.ts";

/**
 * The first statement of a transaction. A workspace whose membership has ended by then, on the database's clock, is left
 * out: who was looked up a moment ago sees nothing there. True when one was.
 */
export async function enterName(tx: Executor, principals: Principals): Promise<boolean> {
  const { userId = "", workspaceIds, ends = [] } = principals;
  const list = `{${workspaceIds.join(",")}}`;
  // Hardly anybody has a membership with an end: the others pay nothing for it.
  const visible =
    ends.length === 0
      ? sql`${list}`
      : sql`array(
          select own.id from unnest(${list}::uuid[]) with ordinality as own (id, place)
          where own.id <> all (array(
            select e.id from unnest(${ends.map((end) => end.workspaceId)}::uuid[],
              ${ends.map((end) => end.at)}::timestamptz[]) as e (id, at)
            where e.at <= clock_timestamp()))
          order by own.place)::text`;
  const entered = await tx.one<{ visible: string }>(sql`select set_config('app.user_id', ${userId}, true),
    set_config('app.workspace_ids', ${visible}, true) as visible`);
  return ends.length > 0 && entered?.visible !== list;
}
