// A changed graph becomes the next version of a workflow that the transaction holds locked.
import { contentHash } from "../../domain/content-hash.ts";
import type { Graph } from "../../domain/graph.ts";
import type { Executor } from "../../persistence/database.ts";
import { findVersionHash, insertVersion } from "../../persistence/workflows/workflow-versions.ts";
import type { WorkflowSummary } from "../../persistence/workflows/workflows.ts";
import { checkGraphReferences } from "./check-graph-references.ts";

/** The number of the new version, or the current one when the graph says the same. */
export async function saveVersion(
  tx: Executor,
  locked: WorkflowSummary,
  change: { graph: Graph; note: string; userId: string },
): Promise<number> {
  const hash = contentHash(change.graph);
  const current = await findVersionHash(tx, locked.id, locked.version);
  if (current?.contentHash.equals(hash)) return locked.version;
  await checkGraphReferences(tx, locked.workspaceId, change.graph);
  const version = locked.version + 1;
  await insertVersion(tx, {
    workflowId: locked.id,
    workspaceId: locked.workspaceId,
    version,
    contentHash: hash,
    graph: change.graph,
    note: change.note,
    createdBy: change.userId,
  });
  return version;
}
