// What people have decided on while another claim ran takes effect when the next one begins.
import type { StepRecord } from "../../domain/journal.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { isDecided } from "./is-decided.ts";

/** A step that was decided on and has not ended. */
export function awaitsEnd({ status, state }: StepRecord): boolean {
  return status === "unknown" && state?.decision !== undefined;
}

/**
 * Under its claim, before anything of it runs. Steps that were decided on end now, after all others, so that who follows
 * the execution by `seq` sees it.
 */
export function endDecided(
  database: Executor,
  { id, fence }: { id: string; fence: number },
): Promise<number> {
  return database.run(sql`
    with held as (
      select id from workflow_executions where id = ${id} and fence = ${fence} and status = 'running' for share
    ),
    decided as (
      select node_id, iteration, attempt, state -> 'decision' word, row_number() over (order by seq)
        + (select max(seq) from execution_steps where execution_id = ${id}) place
      from execution_steps s where execution_id = ${id} and ${isDecided}
    )
    update execution_steps s
    set status = d.word ->> 'status', output = nullif(d.word -> 'output', 'null'), seq = d.place,
      error = nullif(d.word -> 'error', 'null'), state = nullif(s.state - 'decision', '{}'), finished_at = clock_timestamp()
    from decided d, held
    where s.execution_id = held.id and s.execution_id = ${id} and s.node_id = d.node_id and s.iteration = d.iteration
      and s.attempt = d.attempt`);
}
