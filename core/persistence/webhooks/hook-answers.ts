// What an execution has to say to the caller of its webhook.
import type { ReadFacts } from "../../domain/audited-read.ts";
import type { ExecutionStatus } from "../../domain/execution.ts";
import type { Executor } from "../database.ts";
import { inMonthsOf } from "../executions/months-of-ids.ts";
import { auditReadsOf } from "../read-facts.ts";
import { sql } from "../sql.ts";

export type FoundAnswer = ReadFacts & {
  status: ExecutionStatus;
  /** Null while it has not ended. */
  output: unknown;
  /** Of its first flow.respond that has run; null while there is none. */
  response: { output: unknown; labels: string[] } | null;
};

/** Null for an execution out of sight. */
export function findHookAnswer(tx: Executor, id: string): Promise<FoundAnswer | null> {
  return tx.one<FoundAnswer>(sql`
    select e.workspace_id "workspaceId", e.labels, ${auditReadsOf(sql`e`)}, e.status,
      case when e.status in ('succeeded', 'failed', 'cancelled') then e.output end output,
      (select jsonb_build_object('output', s.output, 'labels', s.labels) from execution_steps s
       where s.execution_id = e.id and s.node_type = 'flow.respond' and s.status = 'succeeded'
       order by s.seq limit 1) response
    from workflow_executions e where e.id = ${id} ${inMonthsOf([id])}`);
}
