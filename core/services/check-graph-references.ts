// A graph may cite only what lives in its own workspace.
import { AppError } from "../domain/app-error.ts";
import type { Graph } from "../domain/graph.ts";
import { findGraphReferences, type GraphReference } from "../domain/graph-references.ts";
import type { Executor } from "../persistence/database.ts";
import { findCited } from "../persistence/graph-references.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Throws `not_found` with every citation that leads nowhere, foreign and missing ids alike. */
export async function checkGraphReferences(tx: Executor, workspaceId: string, graph: Graph): Promise<void> {
  const references = findGraphReferences(graph);
  if (references.length === 0) return;
  const idsOf = (kind: GraphReference["kind"]) =>
    references.filter((r) => r.kind === kind && UUID.test(r.id)).map((r) => r.id);
  const found = await findCited(tx, {
    workspaceId,
    credentialIds: idsOf("credential"),
    workflowIds: idsOf("workflow"),
  });
  const problems = references
    .filter((reference) => !found.has(`${reference.kind}:${reference.id.toLowerCase()}`))
    .map(({ kind, path, nodeId }) => ({
      path,
      message: `no such ${kind} in this workspace`,
      code: `unknown_${kind}`,
      ...(nodeId === undefined ? {} : { nodeId }),
    }));
  if (problems.length > 0) {
    throw new AppError("not_found", "The graph cites what is not in its workspace", { problems });
  }
}
