// Decides, without writing anything, which versions a workflow and its version files come to.
import { contentHash } from "../../core/domain/content-hash.ts";
import type { Graph } from "../../core/domain/graph.ts";
import { type AdaptedGraph, adaptGraph } from "./adapt-graph.ts";
import type { FoundFile } from "./list-files.ts";
import type { OldVersion, OldWorkflow } from "./read-workflow.ts";
import { planRenames } from "./rename-nodes.ts";

export type PlannedVersion = {
  file: string;
  version: number;
  graph: AdaptedGraph;
  hash: Buffer;
  note: string;
  createdAt: string;
};

export type WorkflowPlan = {
  /** Ascending; the workflow's own graph is among them. */
  versions: PlannedVersion[];
  current: PlannedVersion;
  renames: Map<string, string>;
  remarks: { file: string; reason: string }[];
  /** Version files whose number another file had already. */
  doubles: string[];
};

export type VersionFile = { found: FoundFile; version: OldVersion };

/** Old ids mean the same node in all versions, so they get the same new name in all of them. */
export function planWorkflow(
  found: FoundFile,
  workflow: OldWorkflow,
  files: readonly VersionFile[],
  credentials: ReadonlyMap<string, string>,
): WorkflowPlan {
  const known = new Set(
    [workflow.graph, ...files.map(({ version }) => version.graph)].flatMap((graph) =>
      graph.nodes.map(({ id }) => id),
    ),
  );
  const renames = planRenames(known);
  const remarks: WorkflowPlan["remarks"] = [];
  const adapt = (graph: OldWorkflow["graph"], file: string) => {
    const remark = (_nodeId: string, reason: string) => remarks.push({ file, reason });
    const adapted = adaptGraph(graph, { names: { known, renames }, credentials, remark });
    return { graph: adapted, hash: contentHash(adapted as unknown as Graph) };
  };
  const doubles: string[] = [];
  const byNumber = new Map<number, PlannedVersion>();
  for (const { found: from, version } of files) {
    if (byNumber.has(version.version)) doubles.push(from.file);
    else byNumber.set(version.version, { ...version, file: from.file, ...adapt(version.graph, from.file) });
  }
  const versions = [...byNumber.values()].sort((a, b) => a.version - b.version);
  const newest = versions.at(-1);
  const own = adapt(workflow.graph, found.file);
  if (newest?.hash.equals(own.hash)) return { versions, current: newest, renames, remarks, doubles };
  const current: PlannedVersion = {
    ...own,
    file: found.file,
    version: (newest?.version ?? 0) + 1,
    note: "imported",
    createdAt: workflow.updatedAt,
  };
  return { versions: [...versions, current], current, renames, remarks, doubles };
}
