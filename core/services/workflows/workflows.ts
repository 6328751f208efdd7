// Workflows: create, list, read, change, archive.
import { v7 as uuidv7 } from "uuid";
import { AppError } from "../../domain/app-error.ts";
import { contentHash } from "../../domain/content-hash.ts";
import { type Actor, authorize, notFound, workspacesFor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";
import { insertVersion } from "../../persistence/workflows/workflow-versions.ts";
import {
  archiveWorkflow,
  findWorkflow,
  insertWorkflow,
  listWorkflows,
  updateWorkflow,
  type Workflow,
  type WorkflowSummary,
} from "../../persistence/workflows/workflows.ts";
import { principalsOf } from "../principals-of.ts";
import { retireSchedules } from "../schedules/retire-schedules.ts";
import { chooseWorkspace } from "../workspaces/choose-workspace.ts";
import { checkGraphReferences } from "./check-graph-references.ts";
import { judgeGraph, type ScriptCheck } from "./judge-graph.ts";
import { auditWorkflow, lockWritable } from "./lock-workflow.ts";
import { requireGoodGraph } from "./require-valid-graph.ts";
import { saveVersion } from "./save-version.ts";

export type NewWorkflow = {
  name: string;
  description?: string | undefined;
  /** As received: validated here. */
  graph: unknown;
  workspaceId?: string | undefined;
};

export type WorkflowChange = {
  name?: string | undefined;
  description?: string | undefined;
  /** As received: validated here. Absent means unchanged. */
  graph?: unknown;
  note?: string | undefined;
  expectedVersion?: number | undefined;
};

export type WorkflowPage = {
  workspaceId?: string | undefined;
  q?: string | undefined;
  before?: string | undefined;
  limit: number;
};

export type WorkflowDependencies = { database: Database; scripts: ScriptCheck };

export type WorkflowService = ReturnType<typeof createWorkflowService>;

/**
 * Every call throws `not_found` for what the actor cannot see and `forbidden` where the role is too small;
 * saving throws `invalid_graph` with all problems, and `version_conflict` when `expectedVersion` is stale.
 */
export function createWorkflowService(dependencies: WorkflowDependencies) {
  const { database, scripts } = dependencies;
  return {
    /** Every problem of a graph, empty when it could be saved. */
    validate: async (actor: Actor, graph: unknown) =>
      (await judgeGraph(scripts, graph, actor.userId)).problems,
    create: (actor: Actor, draft: NewWorkflow) => create(dependencies, actor, draft),
    list: (actor: Actor, page: WorkflowPage) => list(database, actor, page),
    get: (actor: Actor, id: string) => get(database, actor, id),
    update: (actor: Actor, id: string, change: WorkflowChange) => update(dependencies, actor, id, change),
    archive: (actor: Actor, id: string) => archive(database, actor, id),
  };
}

async function create(
  { database, scripts }: WorkflowDependencies,
  actor: Actor,
  draft: NewWorkflow,
): Promise<Workflow> {
  const graph = await requireGoodGraph(scripts, draft.graph, actor.userId);
  const id = uuidv7();
  return database.transaction(principalsOf(actor), async (tx) => {
    const workspaceId = await chooseWorkspace(tx, actor, "workflow:write", draft.workspaceId);
    await checkGraphReferences(tx, workspaceId, graph);
    const row = { id, workspaceId, ownerId: actor.userId, name: draft.name };
    const workflow = await insertWorkflow(tx, { ...row, description: draft.description ?? "" });
    if (!workflow) throw notFound("workspace");
    await insertVersion(tx, {
      workflowId: id,
      workspaceId,
      version: 1,
      contentHash: contentHash(graph),
      graph,
      note: "",
      createdBy: actor.userId,
    });
    await auditWorkflow(tx, actor, workflow, "workflow.created", { name: workflow.name });
    return { ...workflow, graph };
  });
}

async function list(database: Database, actor: Actor, page: WorkflowPage): Promise<WorkflowSummary[]> {
  const { workspaceId, ...rest } = page;
  if (workspaceId !== undefined) authorize(actor, "workflow:read", { workspaceId });
  const workspaceIds = workspaceId === undefined ? workspacesFor(actor, "workflow:read") : [workspaceId];
  return database.transaction(principalsOf(actor), (tx) => listWorkflows(tx, { ...rest, workspaceIds }));
}

async function get(database: Database, actor: Actor, id: string): Promise<Workflow> {
  const workflow = await database.transaction(principalsOf(actor), (tx) => findWorkflow(tx, id));
  if (!workflow) throw notFound("workflow");
  authorize(actor, "workflow:read", workflow);
  return workflow;
}

async function update(
  { database, scripts }: WorkflowDependencies,
  actor: Actor,
  id: string,
  change: WorkflowChange,
): Promise<Workflow> {
  refuseLostNote(change);
  // Before the lock: a big graph takes milliseconds to check, and nobody should wait for that.
  const graph =
    change.graph === undefined ? undefined : await requireGoodGraph(scripts, change.graph, actor.userId);
  return database.transaction(principalsOf(actor), async (tx) => {
    const current = await lockWritable(tx, actor, id);
    refuseStale(current, change.expectedVersion);
    const name = change.name ?? current.name;
    const description = change.description ?? current.description;
    const note = change.note ?? "";
    const version = graph
      ? await saveVersion(tx, current, { graph, note, userId: actor.userId })
      : current.version;
    const fields = [
      ...(name === current.name ? [] : ["name"]),
      ...(description === current.description ? [] : ["description"]),
      ...(version === current.version ? [] : ["graph"]),
    ];
    if (fields.length > 0) await updateWorkflow(tx, { id, name, description, version });
    const saved = await findWorkflow(tx, id);
    if (!saved) throw notFound("workflow");
    if (fields.length > 0) await auditWorkflow(tx, actor, saved, "workflow.updated", { fields, version });
    return saved;
  });
}

async function archive(database: Database, actor: Actor, id: string): Promise<void> {
  await database.transaction(principalsOf(actor), async (tx) => {
    const workflow = await lockWritable(tx, actor, id);
    if (!(await archiveWorkflow(tx, id))) throw notFound("workflow");
    const schedules = await retireSchedules(tx, id);
    const who = { chainId: workflow.workspaceId, actorId: actor.userId };
    const details = { version: workflow.version };
    await appendAudit(tx, [
      { ...who, action: "workflow.archived", targetType: "workflow", targetId: id, details },
      ...schedules.map((schedule) => ({ ...who, ...schedule })),
    ]);
  });
}

/** A version is immutable: a note can only come with a new one. */
function refuseLostNote({ note, graph }: WorkflowChange): void {
  if (!note || graph !== undefined) return;
  const message = "A note belongs to a new version: send it with the changed graph, or leave it out";
  throw new AppError("invalid_request", message, { problems: [{ path: "note", message }] });
}

function refuseStale(current: WorkflowSummary, expected: number | undefined): void {
  if (expected === undefined || expected === current.version) return;
  throw new AppError("version_conflict", `The workflow is at version ${current.version}, not ${expected}`, {
    details: { currentVersion: current.version },
  });
}
