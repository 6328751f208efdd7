// Submissions of many people in one statement: authorised row by row, idempotent by key, made or refused.
import { QUIET_MS } from "../../domain/execution.ts";
import type { Executor } from "../database.ts";
import { type Sql, sql } from "../sql.ts";
import { type Delivery, insertDeliveries } from "../webhooks/webhook-deliveries.ts";

export type NewExecution = {
  id: string;
  userId: string;
  /** Who had it do what it does, beside its person: none of them signs what it asks. */
  peopleBehind?: readonly string[] | undefined;
  /** Where this request may run things: an API key and a missing second factor narrow the person's own rights. */
  workspaceIds: readonly string[];
  workflowId: string;
  /** null: the current one. */
  version: number | null;
  triggerType: string;
  /** The trigger node to start at; null: the default. */
  triggerNode: string | null;
  trigger: Record<string, unknown>;
  input: unknown;
  priority: number;
  /** ISO time before which it must not run; null: now. */
  availableAt: string | null;
  /** Those of the version's settings are added. */
  labels: readonly string[];
  /** The job of the queue it shares with others that are accepted with it; null when it is rung alone. */
  bell?: string | null;
  /** How far behind the bells of others its own is heard; 0 (the default): behind nobody's. */
  band: number;
  /** Somebody waits for the answer: its changes are notified. */
  watched: boolean;
  /** The caller's Idempotency-Key and the hash of what it stands for, in hex. */
  key: string | null;
  requestHash: string | null;
  /** Of a webhook: one that has come before makes nothing. */
  delivery?: Delivery | undefined;
  /** The API key that asked, for the audit log. */
  apiKeyId?: string | undefined;
  /** The W3C traceparent of the submission, where traces are on. */
  traceParent?: string | undefined;
};

/**
 * `made` false: the key was used or the delivery came before, or there was no room. A submission without a row was not allowed or does not
 * exist.
 */
export type InsertedExecution = { id: string; workspaceId: string; version: number; made: boolean };

/** How many more executions the queue of a workspace takes. */
export type Room = { workspaceId: string; room: number };

/** As if rung now, or so long before it is due that recovery's first look at it is when its time has come. */
const FIRST_LOOK = sql`coalesce("availableAt" - make_interval(secs => ${QUIET_MS / 1000}::float8), now())`;

/** The trigger nodes of the versions in which one is named. */
const TRIGGERS = sql`
    triggers as materialized (
      select v.workflow_id, v.version, n ->> 'id' as node
      from (
        select distinct w.id, coalesce(r.version, w.version) as version
        from requested r join workflows w on w.id = r."workflowId" where r."triggerNode" is not null) named
      join workflow_versions v on v.workflow_id = named.id and v.version = named.version
      cross join jsonb_array_elements(v.graph -> 'nodes') n
      where n ->> 'type' like 'trigger.%'
    ),`;

/**
 * Every row is authorised by *its* user's membership, whatever else the transaction may see. Rows that are
 * refused leave nothing behind, not even their key. Workspaces that `rooms` does not name have room for all.
 */
export function insertExecutions(
  tx: Executor,
  executions: readonly NewExecution[],
  runnerRoles: readonly string[],
  rooms: readonly Room[] = [],
): Promise<InsertedExecution[]> {
  // Only near a limit are places counted: whoever is far from it does not pay for the sort.
  const fitting = rooms.length === 0 ? sql`select * from allowed` : fittingIn(rooms);
  // Nobody else pays for webhooks.
  const isDelivered = executions.some((execution) => execution.delivery);
  const delivered = isDelivered ? sql`delivered as (${insertDeliveries(sql`fitting`)}),` : sql``;
  const isNew = isDelivered
    ? sql`and (delivery is null or id in (select execution_id from delivered))`
    : sql``;
  // Nor for triggers that are named: a graph of 2 MB takes 2 ms to unpack, once for all that start in it.
  const isNamed = executions.some(({ triggerNode }) => triggerNode !== null);
  const triggers = isNamed ? TRIGGERS : sql``;
  const isTrigger = isNamed
    ? sql`where r."triggerNode" is null or (w.id, v.version, r."triggerNode") in (select workflow_id, version, node from triggers)`
    : sql``;
  return tx.many<InsertedExecution>(sql`
    with requested as (
      select * from jsonb_to_recordset(${JSON.stringify(executions)}::jsonb) as r(id uuid, "userId" uuid,
        "peopleBehind" uuid[], "workspaceIds" uuid[], "workflowId" uuid, version int, "triggerType" text, "triggerNode" text, trigger jsonb, input jsonb,
        priority smallint, band smallint, "availableAt" timestamptz, bell uuid, labels text[], watched boolean, key text,
        "requestHash" text, "traceParent" text, delivery jsonb)
    ),
    ${triggers}
    allowed as (
      select r.*, w.workspace_id, v.version as run_version, v.labels as version_labels, v.concurrency
      from requested r
      join workflows w on w.id = r."workflowId" and w.archived_at is null
      join workspace_members m on m.workspace_id = w.workspace_id and m.user_id = r."userId"
        and m.role = any(${runnerRoles}::text[]) and w.workspace_id = any (r."workspaceIds")
      join workflow_versions v on v.workflow_id = w.id and v.version = coalesce(r.version, w.version)
      ${isTrigger}
    ),
    fitting as (${fitting}),
    keyed as (
      insert into execution_keys (workspace_id, user_id, key, request_hash, execution_id)
      select workspace_id, "userId", key, decode("requestHash", 'hex'), id
      from fitting where key is not null order by workspace_id, "userId", key
      on conflict do nothing
      returning execution_id
    ),
    ${delivered}
    made as (
      insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, trigger_type,
        trigger_node, trigger, input, priority, available_at, bell, band, concurrency, labels,
        watched, trace_parent, root_id, people_behind, rung_at)
      select id, workspace_id, "workflowId", run_version, "userId", "triggerType", "triggerNode", trigger, input,
        priority, coalesce("availableAt", now()), bell, band, concurrency,
        case when version_labels = '{}' then labels
          else array(select distinct label from unnest(labels || version_labels) label order by label) end,
        watched, "traceParent", id, "peopleBehind", ${FIRST_LOOK}
      from fitting
      where (key is null or id in (select execution_id from keyed)) ${isNew}
      returning id
    )
    select a.id, a.workspace_id "workspaceId", a.run_version "version",
      a.id in (select id from made) "made"
    from allowed a`);
}

/** The first of each workspace that still fit. */
function fittingIn(rooms: readonly Room[]): Sql {
  return sql`
    select p.* from (select a.*, row_number() over (partition by a.workspace_id order by a.id) as place from allowed a) p
    left join unnest(${rooms.map((room) => room.workspaceId)}::uuid[], ${rooms.map((room) => room.room)}::int[])
      as r (workspace_id, room) on r.workspace_id = p.workspace_id
    where r.room is null or p.place <= r.room`;
}

export type KeyedExecution = {
  userId: string;
  workspaceId: string;
  key: string;
  requestHash: string;
  id: string;
};

/** Which executions earlier uses of these keys made. */
export function findKeyed(
  tx: Executor,
  keys: readonly { userId: string; workspaceId: string; key: string }[],
): Promise<KeyedExecution[]> {
  return tx.many<KeyedExecution>(sql`
    select k.user_id "userId", k.workspace_id "workspaceId", k.key, encode(k.request_hash, 'hex') "requestHash",
      k.execution_id id
    from execution_keys k
    join unnest(${keys.map((key) => key.workspaceId)}::uuid[], ${keys.map((key) => key.userId)}::uuid[],
      ${keys.map((key) => key.key)}::text[]) as u(workspace_id, user_id, key)
      on k.workspace_id = u.workspace_id and k.user_id = u.user_id and k.key = u.key`);
}
