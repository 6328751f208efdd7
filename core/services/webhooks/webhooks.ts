// Webhooks: make, list, read, change, rotate, delete. Token and secret are shown once, when they are made.
import { v7 as uuidv7 } from "uuid";
import type { Envelope } from "../../crypto/envelope.ts";
import { createOpaqueToken, hashToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import { type Actor, authorize, notFound, rolesFor, workspacesFor } from "../../domain/roles.ts";
import type { VerifySettings } from "../../domain/webhooks/webhook.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { findHookStart } from "../../persistence/webhooks/called-webhooks.ts";
import { type DeliveryListing, listDeliveries } from "../../persistence/webhooks/webhook-deliveries.ts";
import {
  deleteWebhook,
  findWebhook,
  insertWebhook,
  type ListWebhooks,
  listWebhooks,
  lockWebhook,
  rotateSecret,
  updateWebhook,
  type Webhook,
} from "../../persistence/webhooks/webhooks.ts";
import { findWorkflow } from "../../persistence/workflows/workflows.ts";
import { principalsOf } from "../principals-of.ts";
import { chooseTrigger } from "./choose-trigger.ts";
import { checkSecret, makeSecret, sealSecret } from "./webhook-secret.ts";

export type WebhookWish = {
  workflowId: string;
  name: string;
  trigger?: string | undefined;
  verify: VerifySettings & { secret?: string | undefined };
};

export type WebhookChange = {
  name?: string | undefined;
  /** null: the version's own again. */
  trigger?: string | null | undefined;
  enabled?: boolean | undefined;
};

export type RotationWish = { secret?: string | undefined; overlapSeconds: number };

/** `secret` only where there is one: it is never shown again, nor is the token. */
export type MadeWebhook = Webhook & { token: string; secret?: string };

export type WebhookDependencies = { database: Database; envelope: Envelope };
export type WebhookService = ReturnType<typeof createWebhookService>;

const RUNNERS = rolesFor("execution:run");

/**
 * Every call throws `not_found` for what the actor cannot see and `forbidden` where the role is too small. Making and
 * changing throw `invalid_trigger` for a node that is no trigger, `webhook_trigger_unclear` where one of several must
 * be named; rotating throws `webhook_without_secret`; both throw `too_many_editors`.
 */
export function createWebhookService(dependencies: WebhookDependencies) {
  const { database } = dependencies;
  return {
    create: (actor: Actor, wish: WebhookWish): Promise<MadeWebhook> => create(dependencies, actor, wish),
    rotate: (actor: Actor, id: string, wish: RotationWish): Promise<Webhook & { secret: string }> =>
      rotate(dependencies, actor, id, wish),
    update: (actor: Actor, id: string, change: WebhookChange): Promise<Webhook> =>
      update(dependencies, actor, id, change),
    list(
      actor: Actor,
      { workspaceId, ...page }: Omit<ListWebhooks, "workspaceIds"> & { workspaceId?: string | undefined },
    ): Promise<Webhook[]> {
      if (workspaceId !== undefined) authorize(actor, "webhook:read", { workspaceId });
      const workspaceIds = workspaceId === undefined ? workspacesFor(actor, "webhook:read") : [workspaceId];
      return database.transaction(principalsOf(actor), (tx) =>
        listWebhooks(tx, { ...page, workspaceIds }, RUNNERS),
      );
    },
    get: (actor: Actor, id: string): Promise<Webhook> =>
      database.transaction(principalsOf(actor), (tx) => findReadable(tx, actor, id)),
    /** Newest first, without what was in them. */
    deliveries: (
      actor: Actor,
      id: string,
      page: { before?: string | undefined; limit: number },
    ): Promise<DeliveryListing[]> =>
      database.transaction(principalsOf(actor), async (tx) => {
        await findReadable(tx, actor, id);
        return listDeliveries(tx, { ...page, webhookId: id });
      }),
    remove: (actor: Actor, id: string): Promise<void> =>
      database.transaction(principalsOf(actor), async (tx) => {
        const hook = await lockWritable(tx, actor, id);
        await deleteWebhook(tx, id);
        await audit(tx, actor, hook, "webhook.deleted", { name: hook.name, workflowId: hook.workflowId });
      }),
  };
}

async function findReadable(tx: Executor, actor: Actor, id: string): Promise<Webhook> {
  const hook = await findWebhook(tx, id, RUNNERS);
  if (!hook) throw notFound("webhook");
  authorize(actor, "webhook:read", hook);
  return hook;
}

async function create(
  { database, envelope }: WebhookDependencies,
  actor: Actor,
  { workflowId, name, trigger, verify: { secret: given, ...verify } }: WebhookWish,
): Promise<MadeWebhook> {
  checkSecret(verify.type, given);
  const [id, token] = [uuidv7(), createOpaqueToken("whk_")];
  const secret = verify.type === "none" ? undefined : makeSecret(given);
  const made = await database.transaction(principalsOf(actor), async (tx) => {
    const workflow = await findWorkflow(tx, workflowId);
    if (!workflow) throw notFound("workflow");
    authorize(actor, "webhook:write", workflow);
    const { workspaceId } = workflow;
    await requireTrigger(tx, workflowId, trigger ?? null);
    const sealed = secret === undefined ? null : sealSecret(envelope, { id, workspaceId }, secret);
    const row = {
      id,
      workspaceId,
      workflowId,
      ownerId: actor.userId,
      name,
      trigger: trigger ?? null,
      verify,
    };
    await insertWebhook(tx, { ...row, tokenHash: hashToken(token), sealed });
    const hook = await requireFound(tx, id);
    await audit(tx, actor, hook, "webhook.created", { name, workflowId, trigger: trigger ?? null, verify });
    return hook;
  });
  return { ...made, token, ...(secret !== undefined && { secret }) };
}

async function update(
  { database }: WebhookDependencies,
  actor: Actor,
  id: string,
  change: WebhookChange,
): Promise<Webhook> {
  return database.transaction(principalsOf(actor), async (tx) => {
    const current = await lockWritable(tx, actor, id);
    const { name = current.name, trigger = current.trigger, enabled = current.enabled } = change;
    if (change.trigger !== undefined) await requireTrigger(tx, current.workflowId, trigger);
    await updateWebhook(tx, { id, name, trigger, enabled });
    const hook = await requireFound(tx, id);
    await audit(tx, actor, hook, "webhook.updated", { name, trigger, enabled });
    return hook;
  });
}

async function rotate(
  { database, envelope }: WebhookDependencies,
  actor: Actor,
  id: string,
  { secret: given, overlapSeconds }: RotationWish,
): Promise<Webhook & { secret: string }> {
  const secret = makeSecret(given);
  const rotated = await database.transaction(principalsOf(actor), async (tx) => {
    const current = await lockWritable(tx, actor, id);
    if (current.verify.type === "none") {
      throw new AppError("webhook_without_secret", "This webhook verifies nothing, so it has no secret");
    }
    checkSecret(current.verify.type, given);
    const sealed = sealSecret(envelope, current, secret);
    await rotateSecret(tx, { id, sealed, overlapSeconds });
    const hook = await requireFound(tx, id);
    await audit(tx, actor, current, "webhook.rotated", { name: current.name, overlapSeconds });
    return hook;
  });
  return { ...rotated, secret };
}

/** Said when it is set up, not when the first delivery comes. */
async function requireTrigger(tx: Executor, workflowId: string, trigger: string | null): Promise<void> {
  const start = await findHookStart(tx, workflowId);
  if (!start) throw notFound("workflow");
  chooseTrigger(start, trigger);
}

async function requireFound(tx: Executor, id: string): Promise<Webhook> {
  const hook = await findWebhook(tx, id, RUNNERS);
  if (!hook) throw notFound("webhook");
  return hook;
}

async function lockWritable(tx: Executor, actor: Actor, id: string): Promise<Webhook> {
  const hook = await lockWebhook(tx, id, RUNNERS);
  if (!hook) throw notFound("webhook");
  authorize(actor, "webhook:write", hook);
  return hook;
}

async function audit(
  tx: Executor,
  actor: Actor,
  hook: { id: string; workspaceId: string },
  action: `webhook.${string}`,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  const target = { chainId: hook.workspaceId, targetType: "webhook", targetId: hook.id };
  await appendAudit(tx, [{ ...target, actorId: actor.userId, action, details }]);
}
