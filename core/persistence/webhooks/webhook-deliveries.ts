// What a webhook was sent, without the payloads: accepted ones by their id, refused ones as a count per reason and hour.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/**
 * With `signature`, SHA-256 in hex, no other delivery with the same one is accepted. With `content`, SHA-256 in hex, one
 * under the same id and with other content is refused.
 */
export type Delivery = {
  id: string;
  webhookId: string;
  deliveryId: string;
  signature: string | null;
  content: string | null;
};

/**
 * The rows of deliveries among `source`'s, whose column `delivery` holds a Delivery. What has come before is left out, and
 * what came for a webhook that has ended since its caller began to send.
 */
export const insertDeliveries = (source: ReturnType<typeof sql>) => sql`
  insert into webhook_deliveries (webhook_id, delivery_id, id, workspace_id, execution_id, signature, content)
  select (delivery ->> 'webhookId')::uuid, delivery ->> 'deliveryId', (delivery ->> 'id')::uuid, workspace_id, id,
    decode(delivery ->> 'signature', 'hex'), decode(delivery ->> 'content', 'hex')
  from ${source} where delivery is not null
    and exists (select from webhooks h where h.id = (delivery ->> 'webhookId')::uuid and h.enabled)
  order by 1, 2
  on conflict do nothing
  returning execution_id`;

/**
 * Lets one transaction at a time accept signed deliveries of a webhook, until it ends; to be sent before all else. Two
 * that come with each other's signatures would else wait for each other, with the heads of the audit log in their hands.
 */
export function takeTurns(tx: Executor, signed: readonly Delivery[]): Promise<number> {
  return tx.run(sql`
    select pg_advisory_xact_lock(hashtext('atelier webhook'), w.hash) from (
      select distinct hashtext(id) as hash from unnest(${signed.map((one) => one.webhookId)}::text[]) as u (id)
      order by 1) w`);
}

export type EarlierDelivery = Omit<Delivery, "id"> & { executionId: string };

/** What has come before under the same ids, or with the same signatures. */
export function findDeliveries(tx: Executor, asked: readonly Delivery[]): Promise<EarlierDelivery[]> {
  return tx.many<EarlierDelivery>(sql`
    select d.webhook_id "webhookId", d.delivery_id "deliveryId", encode(d.signature, 'hex') signature,
      encode(d.content, 'hex') content, d.execution_id "executionId"
    from webhook_deliveries d
    join unnest(${asked.map((one) => one.webhookId)}::uuid[], ${asked.map((one) => one.deliveryId)}::text[],
      ${asked.map((one) => one.signature)}::text[]) as a (webhook_id, delivery_id, signature)
      on d.webhook_id = a.webhook_id
        and (d.delivery_id = a.delivery_id or d.signature = decode(a.signature, 'hex'))
    where d.execution_id is not null`);
}

/** Those of their webhooks that are there and switched on. */
export async function findOpenHooks(
  tx: Executor,
  asked: readonly Pick<Delivery, "webhookId">[],
): Promise<Set<string>> {
  const rows = await tx.many<{ id: string }>(sql`
    select id from webhooks where id = any(${asked.map((one) => one.webhookId)}::uuid[]) and enabled`);
  return new Set(rows.map(({ id }) => id));
}

/** A delivery that came before under the same id, as `executionId`. */
export type Repetition = Omit<Delivery, "deliveryId" | "content"> & {
  workspaceId: string;
  executionId: string;
};

/** Spends the signatures they came with; those that are spent, or are none, are left alone. */
export async function noteRepetitions(tx: Executor, repeated: readonly Repetition[]): Promise<void> {
  if (repeated.every(({ signature }) => signature === null)) return;
  await tx.run(sql`
    insert into webhook_deliveries (webhook_id, delivery_id, id, workspace_id, execution_id, outcome, signature)
    select r."webhookId", 'sig:' || r.signature, r.id, r."workspaceId", r."executionId", 'repeated',
      decode(r.signature, 'hex')
    from jsonb_to_recordset(${JSON.stringify(repeated)}::jsonb) as r(id uuid, "webhookId" uuid, "workspaceId" uuid,
      "executionId" uuid, signature text)
    where r.signature is not null order by 1, 2
    on conflict do nothing`);
}

export type Refusal = { id: string; webhookId: string; workspaceId: string; reason: string };

/** One row per reason and hour, however many there are. Nothing when the webhook is gone meanwhile. */
export async function noteRefusal(
  tx: Executor,
  { id, webhookId, workspaceId, reason }: Refusal,
): Promise<void> {
  await tx.run(sql`
    insert into webhook_deliveries as d (webhook_id, delivery_id, id, workspace_id, outcome, reason)
    select h.id, 'refused:' || ${reason}::text || ':' || to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24'),
      ${id}, ${workspaceId}, 'refused', ${reason}
    from webhooks h where h.id = ${webhookId}
    on conflict (webhook_id, delivery_id) do update set times = d.times + 1, received_at = now()`);
}

export type DeliveryListing = {
  id: string;
  /** As it is kept, see core/domain/webhooks/delivery-id.ts. */
  deliveryId: string;
  /** repeated: came again under its id, with a new signature. */
  outcome: "accepted" | "repeated" | "refused";
  reason: string | null;
  times: number;
  executionId: string | null;
  receivedAt: string;
};

/** Newest first. */
export function listDeliveries(
  tx: Executor,
  page: { webhookId: string; before?: string | undefined; limit: number },
): Promise<DeliveryListing[]> {
  const older = page.before === undefined ? sql`` : sql`and id < ${page.before}`;
  return tx.many<DeliveryListing>(sql`
    select id, delivery_id "deliveryId", outcome, reason, times, execution_id "executionId", received_at "receivedAt"
    from webhook_deliveries where webhook_id = ${page.webhookId} ${older}
    order by id desc limit ${page.limit}`);
}
