// Versions of a workflow: list, read, compare, and bring an old one back as a new one.
import { diffGraphs, type GraphDiff } from "../../domain/diff-graphs.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import {
  findVersion,
  listVersions,
  type Version,
  type VersionSummary,
} from "../../persistence/workflows/workflow-versions.ts";
import {
  findWorkflow,
  findWorkflowWorkspace,
  updateWorkflow,
  type Workflow,
} from "../../persistence/workflows/workflows.ts";
import { principalsOf } from "../principals-of.ts";
import { auditWorkflow, lockWritable } from "./lock-workflow.ts";
import { requireValidGraph } from "./require-valid-graph.ts";
import { saveVersion } from "./save-version.ts";

export type VersionPage = { before?: number | undefined; limit: number };

export type WorkflowVersionService = ReturnType<typeof createWorkflowVersionService>;

/**
 * Reading works on archived workflows too, because their executions still point at versions. Every call
 * throws `not_found` for what the actor cannot see and `forbidden` where the role is too small.
 */
export function createWorkflowVersionService({ database }: { database: Database }) {
  return {
    list: (actor: Actor, workflowId: string, page: VersionPage): Promise<VersionSummary[]> =>
      read(database, actor, workflowId, (tx) => listVersions(tx, { ...page, workflowId })),
    get: (actor: Actor, workflowId: string, version: number): Promise<Version> =>
      read(database, actor, workflowId, (tx) => requireVersion(tx, workflowId, version)),
    diff: (actor: Actor, workflowId: string, from: number, to: number): Promise<GraphDiff> =>
      read(database, actor, workflowId, async (tx) => {
        const before = await requireVersion(tx, workflowId, from);
        const after = await requireVersion(tx, workflowId, to);
        return diffGraphs(before.graph, after.graph);
      }),
    restore: (actor: Actor, workflowId: string, version: number) =>
      restore(database, actor, workflowId, version),
  };
}

function read<Result>(
  database: Database,
  actor: Actor,
  workflowId: string,
  work: (tx: Executor) => Promise<Result>,
): Promise<Result> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const workflow = await findWorkflowWorkspace(tx, workflowId);
    if (!workflow) throw notFound("workflow");
    authorize(actor, "workflow:read", workflow);
    return work(tx);
  });
}

async function requireVersion(tx: Executor, workflowId: string, version: number): Promise<Version> {
  const found = await findVersion(tx, workflowId, version);
  if (!found) throw notFound("version");
  return found;
}

/**
 * The old graph passes the gate again: its node types or credentials may be gone since. Equal to the
 * current graph it changes nothing.
 */
async function restore(
  database: Database,
  actor: Actor,
  workflowId: string,
  version: number,
): Promise<Workflow> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const current = await lockWritable(tx, actor, workflowId);
    const graph = requireValidGraph((await requireVersion(tx, workflowId, version)).graph);
    const note = `Restored from version ${version}`;
    const restored = await saveVersion(tx, current, { graph, note, userId: actor.userId });
    const isChanged = restored !== current.version;
    if (isChanged) await updateWorkflow(tx, { ...current, version: restored });
    const saved = await findWorkflow(tx, workflowId);
    if (!saved) throw notFound("workflow");
    const details = { from: version, version: restored };
    if (isChanged) await auditWorkflow(tx, actor, saved, "workflow.restored", details);
    return saved;
  });
}
