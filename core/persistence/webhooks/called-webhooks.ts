// A webhook that is called: found by its token before anybody is known, and what its execution starts from.
import type { Actor } from "../../domain/roles.ts";
import type { VerifySettings } from "../../domain/webhooks/webhook.ts";
import type { Executor } from "../database.ts";
import { membershipsOf } from "../identity/sessions.ts";
import { sql } from "../sql.ts";

type Nullable<Row> = { [Key in keyof Row]: Row[Key] | null };

export type CalledWebhook = VerifySettings & {
  id: string;
  workspaceId: string;
  workflowId: string;
  ownerId: string;
  enabled: boolean;
  trigger: string | null;
} & Nullable<{
    keyId: string;
    wrappedKey: Buffer;
    ciphertext: Buffer;
    /** Of the secret before this one, while it is good. */
    previousKeyId: string;
    previousWrappedKey: Buffer;
    previousCiphertext: Buffer;
  }>;

/** Null for an unknown token, an archived workflow, a deleted workspace. */
export function findCalledWebhook(executor: Executor, tokenHash: Buffer): Promise<CalledWebhook | null> {
  return executor.one<CalledWebhook>(sql`
    select id, "workspaceId", "workflowId", "ownerId", enabled, "trigger", type, style, header, "timestampHeader",
      "keyId", "wrappedKey", ciphertext, "previousKeyId", "previousWrappedKey", "previousCiphertext"
    from identity_find_webhook(${tokenHash})`);
}

/**
 * Its owner as far as the webhook may speak for them: in its workspace only, as nobody's administrator, and not by
 * emergency. Runs in the name of the owner. Null for one who is disabled.
 */
export function findHookActor(
  tx: Executor,
  hook: Pick<CalledWebhook, "ownerId" | "workspaceId">,
): Promise<Actor | null> {
  return tx.one<Actor>(sql`
    select u.id as "userId", null as "sessionId", null as "apiKey", u.email, u.name, false as "isAdmin",
      ${membershipsOf(sql`m.workspace_id = ${hook.workspaceId} and m.emergency_reason is null`)} as memberships
    from users u where u.id = ${hook.ownerId} and u.disabled_at is null`);
}

/** Others than its owner who have changed what it starts or given it a secret. */
export async function findHookEditors(tx: Executor, id: string): Promise<string[]> {
  const row = await tx.one<{ editors: string[] }>(sql`
    select array_remove(editors, owner_id) as editors from webhooks where id = ${id}`);
  return row?.editors ?? [];
}

/** Of the version that is current: its triggers with their types, and whether it answers by itself. */
export type HookStart = {
  version: number;
  triggers: { id: string; type: string }[];
  responds: boolean;
};

/** Null when the workflow is archived or out of sight. */
export function findHookStart(tx: Executor, workflowId: string): Promise<HookStart | null> {
  return tx.one<HookStart>(sql`
    select f.version, coalesce(n.triggers, '[]') triggers, coalesce(n.responds, false) responds
    from workflows f join workflow_versions v on v.workflow_id = f.id and v.version = f.version
    cross join lateral (
      select jsonb_agg(jsonb_build_object('id', n -> 'id', 'type', n -> 'type')) filter (where n ->> 'type' like 'trigger.%')
          as triggers,
        bool_or(n ->> 'type' = 'flow.respond') responds
      from jsonb_array_elements(v.graph -> 'nodes') n) n
    where f.id = ${workflowId} and f.archived_at is null`);
}
