// A graph may cite only what lives in its own workspace.
import { AppError } from "../../domain/app-error.ts";
import type { Graph } from "../../domain/graph.ts";
import { findGraphReferences, type GraphReference } from "../../domain/graph-references.ts";
import { isUuid } from "../../domain/uuid.ts";
import type { Executor } from "../../persistence/database.ts";
import { findFilesOf } from "../../persistence/files.ts";
import { findCited } from "../../persistence/workflows/graph-references.ts";
import { checkCitedCredentials } from "./check-cited-credentials.ts";

/**
 * Throws `not_found` with every citation that leads nowhere, foreign and missing ids alike; `invalid_graph` for
 * credentials of its own workspace that do not fit where they are cited.
 */
export async function checkGraphReferences(tx: Executor, workspaceId: string, graph: Graph): Promise<void> {
  const references = findGraphReferences(graph);
  if (references.length === 0) return;
  const idsOf = (kind: GraphReference["kind"]) =>
    references.filter((r) => r.kind === kind && isUuid(r.id)).map((r) => r.id);
  const { credentials, workflowIds } = await findCited(tx, {
    workspaceId,
    credentialIds: idsOf("credential"),
    workflowIds: idsOf("workflow"),
  });
  const fileIds = idsOf("file");
  const files = fileIds.length > 0 ? await findFilesOf(tx, workspaceId, fileIds) : [];
  const found = new Set([
    ...credentials.map(({ id }) => `credential:${id}`),
    ...workflowIds.map((id) => `workflow:${id}`),
    ...[...files].map((id) => `file:${id}`),
  ]);
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
  const misfits = checkCitedCredentials(graph, credentials);
  if (misfits.length > 0) {
    throw new AppError("invalid_graph", "The graph cites credentials that do not fit", { problems: misfits });
  }
}
