// A suspect that could not run alone where it was rung waits for another try, here or elsewhere.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/**
 * Recovery rings for it once it has not been heard of for its usual time, counted from `forMs` from now. False: it is
 * queued and due for longer than `longestMs`, or is not queued any more.
 */
export async function postponeSuspect(
  database: Executor,
  id: string,
  { forMs, longestMs }: { forMs: number; longestMs: number },
): Promise<boolean> {
  const postponed = await database.run(sql`
    update workflow_executions set rung_at = clock_timestamp() + make_interval(secs => ${forMs / 1000}::float8)
    where id = ${id} and status = 'queued' and rung_at < 'infinity'
      and available_at > clock_timestamp() - make_interval(secs => ${longestMs / 1000}::float8)`);
  return postponed > 0;
}
