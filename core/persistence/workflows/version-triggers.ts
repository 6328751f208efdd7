// The trigger nodes of a version.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Their ids; null when the version does not exist or is out of sight. */
export async function findVersionTriggers(
  tx: Executor,
  workflowId: string,
  version: number,
): Promise<string[] | null> {
  const row = await tx.one<{ triggers: string[] }>(sql`
    select array(select n ->> 'id' from jsonb_array_elements(graph -> 'nodes') n
      where n ->> 'type' like 'trigger.%') triggers
    from workflow_versions where workflow_id = ${workflowId} and version = ${version}`);
  return row?.triggers ?? null;
}
