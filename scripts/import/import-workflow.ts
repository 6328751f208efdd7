// Writes one workflow with its versions; a workflow that is there already only gets the versions it lacks.
import { appendAudit } from "../../core/persistence/audit/audit-logs.ts";
import type { Executor } from "../../core/persistence/database.ts";
import {
  findImportedWorkflow,
  insertImportedVersion,
  insertImportedWorkflow,
  listVersionHashes,
} from "../../core/persistence/imports/import-workflows.ts";
import { validateGraph } from "../../core/services/workflows/validate-graph.ts";
import { deriveId } from "./derive-id.ts";
import { count, type ImportContext, openJsonFile, reportFaults, writeFile } from "./import-context.ts";
import type { KnownWorkflow } from "./known-workflows.ts";
import type { FoundFile } from "./list-files.ts";
import { type PlannedVersion, planWorkflow, type VersionFile, type WorkflowPlan } from "./plan-workflow.ts";
import { type OldWorkflow, readVersion } from "./read-workflow.ts";

export type WorkflowFiles = {
  found: FoundFile;
  workflow: OldWorkflow;
  versions: readonly FoundFile[];
  credentials: ReadonlyMap<string, string>;
};

/** What executions of this workflow need to know about it. */
export async function importWorkflow(context: ImportContext, files: WorkflowFiles): Promise<KnownWorkflow> {
  const { found, workflow } = files;
  const versions: VersionFile[] = [];
  for (const file of files.versions) versions.push(...(await readVersionFile(context, file)));
  const plan = planWorkflow(found, workflow, versions, files.credentials);
  const written = await writeFile(context, (tx) => writeWorkflow(context, tx, workflow, plan));
  reportPlan(context, files, plan, written);
  const nodeTypes = plan.current.graph.nodes.map((node) => [String(node.id), String(node.type)] as const);
  return {
    id: written.id,
    current: plan.current.version,
    versions: new Set(plan.versions.map(({ version }) => version)),
    renames: plan.renames,
    nodeTypes: new Map(nodeTypes),
  };
}

async function readVersionFile(context: ImportContext, found: FoundFile): Promise<VersionFile[]> {
  const json = await openJsonFile(context, found);
  if (!json) return [];
  const version = readVersion(json.value, found);
  reportFaults(context, found, json, "path" in version ? [version] : version.faults);
  return "path" in version ? [] : [{ found, version }];
}

type Written = {
  id: string;
  isNew: boolean;
  fresh: PlannedVersion[];
  /** Not what was imported before, and not written. */
  changed: PlannedVersion[];
};

async function writeWorkflow(
  context: ImportContext,
  tx: Executor,
  workflow: OldWorkflow,
  plan: WorkflowPlan,
): Promise<Written> {
  const { workspaceId, ownerId } = context;
  const { legacyId, name, description, createdAt, updatedAt } = workflow;
  const there = await findImportedWorkflow(tx, workspaceId, legacyId);
  const id = there?.id ?? deriveId({ kind: "workflow", workspaceId, createdAt, legacyId });
  const stored = there ? await listVersionHashes(tx, id) : [];
  if (!there) {
    const row = { id, workspaceId, ownerId, name, description, legacyId, createdAt, updatedAt };
    await insertImportedWorkflow(tx, { ...row, version: plan.current.version });
  }
  const numbers = new Set(stored.map(({ version }) => version));
  const missing = plan.versions.filter(
    ({ hash }) => !stored.some(({ contentHash }) => contentHash.equals(hash)),
  );
  // A gap that an unreadable file had left may be filled; a number that is taken, or new ones on top of what
  // people have gone on with here, may not.
  const fresh = missing.filter(({ version }) => !there || (version < there.version && !numbers.has(version)));
  for (const { version, graph, hash, note, createdAt: madeAt } of fresh) {
    const row = { workflowId: id, workspaceId, version, contentHash: hash, graph, note, createdBy: ownerId };
    await insertImportedVersion(tx, { ...row, createdAt: madeAt });
  }
  if (fresh.length > 0) {
    const details = { name, legacyId, versions: fresh.map(({ version }) => version) };
    const entry = { chainId: workspaceId, actorId: ownerId, action: "workflow.imported", details };
    await appendAudit(tx, [{ ...entry, targetType: "workflow", targetId: id }]);
  }
  return { id, isNew: !there, fresh, changed: missing.filter((version) => !fresh.includes(version)) };
}

function reportPlan(
  context: ImportContext,
  files: WorkflowFiles,
  plan: WorkflowPlan,
  written: Written,
): void {
  const { report } = context;
  const { file } = files.found;
  count(context, "workflows", written.isNew ? "written" : "skipped");
  count(context, "versions", "written", written.fresh.length);
  count(context, "versions", "skipped", plan.versions.length - written.fresh.length - written.changed.length);
  for (const changed of written.changed) {
    const reason = `version ${changed.version} is not what was imported before, and is left out: versions never change`;
    report.unreadable.push({ file: changed.file, line: 0, reason });
  }
  for (const double of plan.doubles) {
    report.unreadable.push({ file: double, line: 0, reason: "another file has the same version number" });
  }
  for (const remark of plan.remarks) report.remarks.push({ line: 0, ...remark });
  for (const [from, to] of plan.renames) report.renamed.push({ file, from, to });
  for (const { nodeId, message } of validateGraph(plan.current.graph).problems) {
    report.problems.push({ file, message, ...(nodeId === undefined ? {} : { nodeId }) });
  }
}
