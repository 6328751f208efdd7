// Webhooks as their people see them. What proves a sender is sealed, and read by nothing here.
import type { VerifySettings } from "../../domain/webhooks/webhook.ts";
import type { SealedColumns } from "../credentials/credentials.ts";
import type { Executor } from "../database.ts";
import { newestFirst } from "../newest-first.ts";
import { type Sql, sql } from "../sql.ts";

/** Why deliveries are refused just now, whatever they hold. */
export type WebhookProblem = "owner_may_not_run" | "workflow_archived" | "no_secret";

export type Webhook = {
  id: string;
  workspaceId: string;
  workflowId: string;
  /** In whose name its executions run. */
  ownerId: string;
  /** Others who have changed what it starts or given it a secret, and who owned it before. */
  editors: string[];
  name: string;
  /** The trigger node; null: the version's only trigger.webhook, else its default trigger. */
  trigger: string | null;
  enabled: boolean;
  verify: VerifySettings;
  /** Until when the secret before this one is good too, ISO; null: it is not. */
  previousSecretUntil: string | null;
  problem: WebhookProblem | null;
  createdAt: string;
  updatedAt: string;
};

export type NewWebhook = Pick<
  Webhook,
  "id" | "workspaceId" | "workflowId" | "ownerId" | "name" | "trigger" | "verify"
> & { tokenHash: Buffer; sealed: SealedColumns | null };

/** `runnerRoles`: who may run things. */
const columns = (
  runnerRoles: readonly string[],
) => sql`h.id, h.workspace_id "workspaceId", h.workflow_id "workflowId",
  h.owner_id "ownerId", array_remove(h.editors, h.owner_id) editors, h.name, h.trigger_node "trigger", h.enabled,
  json_build_object('type', h.verify_type, 'style', h.style, 'header', h.verify_header,
    'timestampHeader', h.timestamp_header) verify,
  case when h.previous_secret_until > clock_timestamp() then h.previous_secret_until end "previousSecretUntil",
  case
    when not exists (select from workflows f where f.id = h.workflow_id and f.archived_at is null)
      then 'workflow_archived'
    when not exists (select from workspace_members m join users u on u.id = m.user_id and u.disabled_at is null
      where m.workspace_id = h.workspace_id and m.user_id = h.owner_id and m.emergency_reason is null
        and m.role = any (${runnerRoles}::text[])) then 'owner_may_not_run'
    when h.verify_type <> 'none' and h.secret is null then 'no_secret'
  end problem,
  h.created_at "createdAt", h.updated_at "updatedAt"`;

export async function insertWebhook(tx: Executor, row: NewWebhook): Promise<void> {
  const { verify, sealed } = row;
  await tx.run(sql`
    insert into webhooks (id, workspace_id, workflow_id, owner_id, name, trigger_node, token_hash, verify_type, style,
      verify_header, timestamp_header, secret_key_id, secret_wrapped_key, secret)
    values (${row.id}, ${row.workspaceId}, ${row.workflowId}, ${row.ownerId}, ${row.name}, ${row.trigger},
      ${row.tokenHash}, ${verify.type}, ${verify.style}, ${verify.header}, ${verify.timestampHeader},
      ${sealed?.keyId ?? null}, ${sealed?.wrappedKey ?? null}, ${sealed?.ciphertext ?? null})`);
}

export function findWebhook(
  tx: Executor,
  id: string,
  runnerRoles: readonly string[],
): Promise<Webhook | null> {
  return tx.one<Webhook>(sql`select ${columns(runnerRoles)} from webhooks h where h.id = ${id}`);
}

/** Holds the row until the transaction ends; deliveries go on. */
export function lockWebhook(
  tx: Executor,
  id: string,
  runnerRoles: readonly string[],
): Promise<Webhook | null> {
  return tx.one<Webhook>(sql`
    select ${columns(runnerRoles)} from webhooks h where h.id = ${id} for no key update of h`);
}

export type ListWebhooks = {
  workspaceIds: readonly string[];
  workflowId?: string | undefined;
  /** The last id of the page before. */
  before?: string | undefined;
  limit: number;
};

/** Newest first. */
export function listWebhooks(
  tx: Executor,
  page: ListWebhooks,
  runnerRoles: readonly string[],
): Promise<Webhook[]> {
  const ofWorkflow = page.workflowId === undefined ? sql`` : sql`and h.workflow_id = ${page.workflowId}`;
  const older = page.before === undefined ? sql`` : sql`and h.id < ${page.before}`;
  const rowsOf = (workspaceId: Sql) => sql`
    select ${columns(runnerRoles)} from webhooks h where h.workspace_id = ${workspaceId} ${ofWorkflow} ${older}`;
  return tx.many<Webhook>(newestFirst(page.workspaceIds, page.limit, rowsOf));
}

/** Throws `too_many_editors` for another editor of what a hundred have edited. */
export async function updateWebhook(
  tx: Executor,
  row: Pick<Webhook, "id" | "name" | "trigger" | "enabled">,
): Promise<void> {
  await tx.run(sql`
    update webhooks set name = ${row.name}, trigger_node = ${row.trigger}, enabled = ${row.enabled}, updated_at = now()
    where id = ${row.id}`);
}

/** The secret so far stays good for `overlapSeconds`; one that was before it is gone. Throws what `updateWebhook` throws. */
export async function rotateSecret(
  tx: Executor,
  row: { id: string; sealed: SealedColumns; overlapSeconds: number },
): Promise<void> {
  const { keyId, wrappedKey, ciphertext } = row.sealed;
  const stays = sql`${row.overlapSeconds}::int > 0`;
  await tx.run(sql`
    update webhooks set secret_key_id = ${keyId}, secret_wrapped_key = ${wrappedKey}, secret = ${ciphertext},
      previous_secret_key_id = case when ${stays} then secret_key_id end,
      previous_secret_wrapped_key = case when ${stays} then secret_wrapped_key end,
      previous_secret = case when ${stays} then secret end,
      previous_secret_until = case when ${stays}
        then clock_timestamp() + make_interval(secs => ${row.overlapSeconds}::int) end,
      updated_at = now()
    where id = ${row.id}`);
}

/** What is known of its deliveries is out of sight, and swept by its age. False when it was gone already. */
export async function deleteWebhook(tx: Executor, id: string): Promise<boolean> {
  return (await tx.run(sql`delete from webhooks where id = ${id}`)) === 1;
}
