// Workspaces: list, create, read, rename, ask for a second factor.

import { v7 as uuidv7 } from "uuid";
import { AppError } from "../../domain/app-error.ts";
import type { IdPage } from "../../domain/id-page.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { listMemberIds } from "../../persistence/identity/members.ts";
import {
  countFoundedWorkspaces,
  findWorkspace,
  hasSecondFactor,
  insertWorkspace,
  listWorkspaces,
  updateWorkspace,
  type Workspace,
} from "../../persistence/identity/workspaces.ts";
import { principalsOf } from "../principals-of.ts";
import { changeRetention, type RetentionChange } from "./change-retention.ts";
import { lockOwned, workspaceEntry } from "./own-workspace.ts";

const MAX_FOUNDED = 100;

export type { Workspace };

/** `maxQueued`: how many executions a workspace may have queued where its owner says nothing. */
export type WorkspaceDependencies = { database: Database; maxQueued: number };

export type WorkspaceChange = RetentionChange & {
  name?: string | undefined;
  requireTotp?: boolean | undefined;
  auditReads?: boolean | undefined;
  /** How many of its executions run at once; null: no limit. */
  maxConcurrency?: number | null | undefined;
  /** How many may be queued; null: as many as the instance says. */
  maxQueued?: number | null | undefined;
};

export type WorkspaceService = {
  list(actor: Actor, page: IdPage): Promise<Workspace[]>;
  /** The actor becomes its owner. Throws `too_many_workspaces` beyond 100 that they made and own. */
  create(actor: Actor, draft: { name: string }): Promise<Workspace>;
  /** Throws `not_found`. */
  get(actor: Actor, id: string): Promise<Workspace>;
  /**
   * Throws `not_found`, `forbidden` (also to an owner who asks for a longer queue than the instance gives),
   * `totp_setup_required` to an owner who would lock themselves out, and what change-retention.ts throws.
   */
  update(actor: Actor, id: string, change: WorkspaceChange): Promise<Workspace>;
};

export function createWorkspaceService(dependencies: WorkspaceDependencies): WorkspaceService {
  const { database } = dependencies;
  return {
    list: (actor, page) =>
      database.transaction(principalsOf(actor), (tx) =>
        listWorkspaces(tx, { ...page, userId: actor.userId }),
      ),
    create: (actor, draft) => create(dependencies, actor, draft),
    get: (actor, id) => {
      authorize(actor, "workspace:read", { workspaceId: id });
      return database.transaction(principalsOf(actor), (tx) => find(tx, actor, id));
    },
    update: (actor, id, change) => update(dependencies, actor, id, change),
  };
}

async function create(
  { database }: WorkspaceDependencies,
  actor: Actor,
  { name }: { name: string },
): Promise<Workspace> {
  const id = uuidv7();
  const { userId } = actor;
  const principals = principalsOf(actor);
  const workspaceIds = [...principals.workspaceIds, id];
  return database.transaction({ ...principals, workspaceIds }, async (tx) => {
    if ((await countFoundedWorkspaces(tx, userId)) >= MAX_FOUNDED) {
      throw new AppError("too_many_workspaces", `You own ${MAX_FOUNDED} workspaces that you made`);
    }
    await insertWorkspace(tx, { id, name, userId });
    const made = await find(tx, actor, id);
    await announceIdentityChange(tx, [userId]);
    await appendAudit(tx, [workspaceEntry(actor, id, "workspace.created", { name })]);
    return made;
  });
}

async function update(
  { database, maxQueued: most }: WorkspaceDependencies,
  actor: Actor,
  id: string,
  change: WorkspaceChange,
): Promise<Workspace> {
  const { name, requireTotp, auditReads, maxConcurrency, maxQueued } = change;
  return database.transaction(principalsOf(actor), async (tx) => {
    await lockOwned(tx, actor, "workspace:write", id);
    const current = await find(tx, actor, id);
    const isRenamed = name !== undefined && name !== current.name;
    const isTotpChanged = requireTotp !== undefined && requireTotp !== current.requireTotp;
    if (isTotpChanged && requireTotp) await requireOwnSecondFactor(tx, actor);
    const isAuditChanged = auditReads !== undefined && auditReads !== current.auditReads;
    const isLimitChanged = maxConcurrency !== undefined && maxConcurrency !== current.maxConcurrency;
    const isDepthChanged = maxQueued !== undefined && maxQueued !== current.maxQueued;
    if (isDepthChanged) requireQueueAllowed(actor, maxQueued, most);
    const kept = await changeRetention(tx, actor, current, change);
    const isChanged = isRenamed || isTotpChanged || isAuditChanged || isLimitChanged || isDepthChanged;
    if (!isChanged && kept.length === 0) return current;
    if (isChanged)
      await updateWorkspace(tx, { id, name, requireTotp, auditReads, maxConcurrency, maxQueued });
    const members = isTotpChanged ? await listMemberIds(tx, id) : [];
    const changed = await find(tx, actor, id);
    await announceIdentityChange(tx, members);
    await appendAudit(tx, [
      ...(isRenamed
        ? [workspaceEntry(actor, id, "workspace.renamed", { from: current.name, to: name })]
        : []),
      ...(isTotpChanged ? [workspaceEntry(actor, id, "workspace.totp_changed", { requireTotp })] : []),
      ...(isAuditChanged ? [workspaceEntry(actor, id, "workspace.audit_reads_changed", { auditReads })] : []),
      ...(isLimitChanged
        ? [workspaceEntry(actor, id, "workspace.max_concurrency_changed", { maxConcurrency })]
        : []),
      ...(isDepthChanged ? [workspaceEntry(actor, id, "workspace.max_queued_changed", { maxQueued })] : []),
      ...kept,
    ]);
    return changed;
  });
}

/** The queues of all workspaces lie in one database: how long they may get is the instance's to say. */
function requireQueueAllowed(actor: Actor, maxQueued: number | null, most: number): void {
  if (maxQueued === null || maxQueued <= most || actor.isAdmin) return;
  throw new AppError("forbidden", `Beyond ${most} only an administrator of the instance may set it`);
}

async function find(tx: Executor, { userId }: Actor, id: string): Promise<Workspace> {
  const workspace = await findWorkspace(tx, { id, userId });
  if (!workspace) throw notFound("workspace");
  return workspace;
}

async function requireOwnSecondFactor(tx: Executor, { userId }: Actor): Promise<void> {
  if (await hasSecondFactor(tx, userId)) return;
  throw new AppError(
    "totp_setup_required",
    "You would lock yourself out: set up your own second factor first with POST /auth/mfa/setup",
  );
}
