// Credentials: make, list, read, change, delete. What is secret goes in and never comes out.
import { v7 as uuidv7 } from "uuid";
import type { Envelope, Sealed } from "../../crypto/envelope.ts";
import { AppError } from "../../domain/app-error.ts";
import { credentialTypes } from "../../domain/credential-types.ts";
import { type Actor, authorize, notFound, workspacesFor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import {
  type CredentialSummary,
  deleteCredential,
  findCitingWorkflows,
  findCredential,
  insertCredential,
  listCredentials,
  lockCredential,
  nameTaken,
  updateCredential,
} from "../../persistence/credentials/credentials.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { principalsOf } from "../principals-of.ts";
import { chooseWorkspace } from "../workspaces/choose-workspace.ts";
import { checkData, checkHosts, requireRights, requireType } from "./credential-data.ts";

export type NewCredential = {
  name: string;
  type: string;
  data: unknown;
  allowedHosts?: readonly string[] | undefined;
  clearedLabels?: readonly string[] | undefined;
  workspaceId?: string | undefined;
};

export type CredentialChange = {
  name?: string | undefined;
  /** Replaces all of it. */
  data?: unknown;
  allowedHosts?: readonly string[] | undefined;
  clearedLabels?: readonly string[] | undefined;
};

export type CredentialPage = {
  workspaceId?: string | undefined;
  type?: string | undefined;
  before?: string | undefined;
  limit: number;
};

export type CredentialDependencies = { database: Database; envelope: Envelope };
export type CredentialService = ReturnType<typeof createCredentialService>;

/**
 * Every call throws `not_found` for what the actor cannot see and `forbidden` where the role is too small or a
 * reference is touched by anybody but a signed-in instance admin. Saving throws `invalid_request`, which repeats no value,
 * and `credential_exists`; deleting throws `credential_in_use` unless it is forced.
 */
export function createCredentialService(dependencies: CredentialDependencies) {
  return {
    create: (actor: Actor, draft: NewCredential) => create(dependencies, actor, draft),
    list: (actor: Actor, page: CredentialPage) => list(dependencies, actor, page),
    get: (actor: Actor, id: string) => get(dependencies, actor, id),
    update: (actor: Actor, id: string, change: CredentialChange) => update(dependencies, actor, id, change),
    remove: (actor: Actor, id: string, options: { force: boolean }) =>
      remove(dependencies, actor, id, options),
  };
}

async function create({ database, envelope }: CredentialDependencies, actor: Actor, draft: NewCredential) {
  const id = uuidv7();
  return database.transaction(principalsOf(actor), async (tx) => {
    const workspaceId = await chooseWorkspace(tx, actor, "credential:write", draft.workspaceId);
    const type = requireType(actor, draft.type);
    const allowedHosts = checkHosts(type, draft.allowedHosts ?? []);
    const row = { id, workspaceId, ownerId: actor.userId, name: draft.name, type: type.type, allowedHosts };
    const sealed = seal(envelope, row, checkData(type, draft.data));
    const made = await insertCredential(tx, { ...row, sealed, clearedLabels: draft.clearedLabels ?? [] });
    if (!made) throw nameTaken(draft.name);
    const { name, clearedLabels } = made;
    await audit(tx, actor, made, "credential.created", {
      name,
      type: type.type,
      allowedHosts,
      clearedLabels,
    });
    return made;
  });
}

async function list({ database }: CredentialDependencies, actor: Actor, page: CredentialPage) {
  const { workspaceId, ...rest } = page;
  if (workspaceId !== undefined) authorize(actor, "credential:read", { workspaceId });
  const workspaceIds = workspaceId === undefined ? workspacesFor(actor, "credential:read") : [workspaceId];
  return database.transaction(principalsOf(actor), (tx) => listCredentials(tx, { ...rest, workspaceIds }));
}

async function get(
  { database }: CredentialDependencies,
  actor: Actor,
  id: string,
): Promise<CredentialSummary> {
  const credential = await database.transaction(principalsOf(actor), (tx) => findCredential(tx, id));
  if (!credential) throw notFound("credential");
  authorize(actor, "credential:read", credential);
  return credential;
}

async function update(
  { database, envelope }: CredentialDependencies,
  actor: Actor,
  id: string,
  change: CredentialChange,
): Promise<CredentialSummary> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const current = await lockWritable(tx, actor, id);
    const type = credentialTypes.get(current.type);
    requireRights(actor, type);
    // An imported one of a type nobody knows can be renamed and deleted, nothing else.
    if (!type && (change.data !== undefined || change.allowedHosts)) requireType(actor, current.type);
    const allowedHosts =
      type && change.allowedHosts ? checkHosts(type, change.allowedHosts) : current.allowedHosts;
    const sealed =
      type && change.data !== undefined ? seal(envelope, current, checkData(type, change.data)) : undefined;
    if (!sealed) refuseWiderBinding(actor, current, allowedHosts);
    const name = change.name ?? current.name;
    const clearedLabels = change.clearedLabels ?? current.clearedLabels;
    const saved = await updateCredential(tx, { id, name, allowedHosts, clearedLabels, sealed });
    if (!saved) throw notFound("credential");
    await audit(tx, actor, saved, "credential.updated", changesOf(current, saved, sealed !== undefined));
    return saved;
  });
}

/**
 * Who may send a secret to a host of their own can read it. So hosts are added by who knows the secret (it is given
 * anew with them) or by an owner of the workspace.
 */
function refuseWiderBinding(actor: Actor, current: CredentialSummary, allowedHosts: readonly string[]): void {
  const added = allowedHosts.filter((host) => !current.allowedHosts.includes(host));
  const isOwner = actor.memberships.some((m) => m.workspaceId === current.workspaceId && m.role === "owner");
  if (added.length === 0 || isOwner) return;
  throw new AppError(
    "forbidden",
    `To let it go to ${added.join(", ")} as well, give its data anew in the same call, or ask an owner of the workspace`,
  );
}

function changesOf(before: CredentialSummary, after: CredentialSummary, isResealed: boolean) {
  const differs = (field: "allowedHosts" | "clearedLabels") =>
    before[field].join(",") !== after[field].join(",");
  return {
    fields: [
      ...(before.name === after.name ? [] : ["name"]),
      ...(isResealed ? ["data"] : []),
      ...(differs("allowedHosts") ? ["allowedHosts"] : []),
      ...(differs("clearedLabels") ? ["clearedLabels"] : []),
    ],
    name: after.name,
    ...(differs("allowedHosts") && { allowedHosts: { from: before.allowedHosts, to: after.allowedHosts } }),
  };
}

async function remove(
  { database }: CredentialDependencies,
  actor: Actor,
  id: string,
  { force }: { force: boolean },
): Promise<void> {
  await database.transaction(principalsOf(actor), async (tx) => {
    const current = await lockWritable(tx, actor, id);
    const citing = await findCitingWorkflows(tx, current, 20);
    if (citing.length > 0 && !force) {
      const names = citing.map(({ name }) => `"${name}"`).join(", ");
      const message = `These workflows use it and would fail: ${names}. Take it out of them, or delete it with ?force=true`;
      throw new AppError("credential_in_use", message, { details: { workflows: citing } });
    }
    if (!(await deleteCredential(tx, id))) throw notFound("credential");
    const details = {
      name: current.name,
      type: current.type,
      citedBy: citing.map((workflow) => workflow.id),
    };
    await audit(tx, actor, current, "credential.deleted", details);
  });
}

async function lockWritable(tx: Executor, actor: Actor, id: string): Promise<CredentialSummary> {
  const credential = await lockCredential(tx, id);
  if (!credential) throw notFound("credential");
  authorize(actor, "credential:write", credential);
  return credential;
}

function seal(
  envelope: Envelope,
  { id, workspaceId, type }: { id: string; workspaceId: string; type: string },
  data: Readonly<Record<string, unknown>>,
): Sealed {
  const plain = Buffer.from(JSON.stringify(data));
  const sealed = envelope.seal(plain, { purpose: "credential", workspaceId, id, type });
  plain.fill(0);
  return sealed;
}

/** The last statement of a transaction. */
async function audit(
  tx: Executor,
  actor: Actor,
  credential: { id: string; workspaceId: string },
  action: `credential.${string}`,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  const target = { chainId: credential.workspaceId, targetType: "credential", targetId: credential.id };
  await appendAudit(tx, [{ ...target, actorId: actor.userId, action, details }]);
}
