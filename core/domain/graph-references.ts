// What a graph cites outside itself: credentials, other workflows and files, each with the place that cites it.
import { findFileReferences } from "./file-references.ts";
import type { Graph } from "./graph.ts";

export type GraphReference = {
  kind: "credential" | "workflow" | "file";
  id: string;
  path: string;
  nodeId?: string;
};

const SUBWORKFLOW_TYPE = "flow.subworkflow";

/** A workflow or file id that is an expression is known at run time only and left out. */
export function findGraphReferences(graph: Graph): GraphReference[] {
  const references: GraphReference[] = [];
  for (const [index, node] of graph.nodes.entries()) {
    const place = `nodes.${index}.data`;
    for (const [slot, id] of Object.entries(node.data?.credentials ?? {})) {
      references.push({ kind: "credential", id, path: `${place}.credentials.${slot}`, nodeId: node.id });
    }
    for (const part of ["config", "pinned"] as const) {
      for (const id of findFileReferences(node.data?.[part])) {
        if (!id.includes("{{"))
          references.push({ kind: "file", id, path: `${place}.${part}`, nodeId: node.id });
      }
    }
    const id = node.type === SUBWORKFLOW_TYPE ? node.data?.config?.workflowId : undefined;
    if (typeof id === "string" && !id.includes("{{")) {
      references.push({ kind: "workflow", id, path: `${place}.config.workflowId`, nodeId: node.id });
    }
  }
  const errorWorkflowId = graph.settings?.errorWorkflowId;
  if (errorWorkflowId !== undefined) {
    references.push({ kind: "workflow", id: errorWorkflowId, path: "settings.errorWorkflowId" });
  }
  return references;
}
