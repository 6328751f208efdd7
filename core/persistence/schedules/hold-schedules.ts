// Schedules that are about to fire: their rows held, and what has to be known of each of them meanwhile.
import type { Overlap } from "../../domain/schedules/schedule.ts";
import { writeInstant } from "../../domain/schedules/write-instant.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type HeldSchedule = {
  id: string;
  workspaceId: string;
  workflowId: string;
  ownerId: string;
  /** Others who have changed what it starts or when. */
  editors: string[];
  overlap: Overlap;
  input: unknown;
  /** The trigger node that the schedule names. */
  triggerNode: string | null;
  isArchived: boolean;
  /** The owner's account is there, and they have one of the roles in the workspace now: not by emergency, and with a second factor where it asks for one. */
  ownerMayRun: boolean;
  /** The current one, and its trigger nodes in the order of the graph. */
  version: number;
  triggers: { id: string; type: string }[];
  /** Its last execution while it has not ended. */
  liveId: string | null;
  /** How many of its slots wait for their turn. */
  pending: number;
};

/** How long a transaction waits for what others hold, and for any statement. */
export type Bounds = { patienceMs: number; statementMs: number };

/**
 * Of a transaction that fires. When its process is stopped in the middle PostgreSQL ends it after 5 s: people whose
 * submissions need the same head of the log wait no longer.
 */
export async function boundTransaction(tx: Executor, { patienceMs, statementMs }: Bounds): Promise<void> {
  await tx.run(sql`select set_config('lock_timeout', ${`${patienceMs}ms`}, true),
    set_config('statement_timeout', ${`${statementMs}ms`}, true),
    set_config('idle_in_transaction_session_timeout', '5s', true)`);
}

/**
 * Holds those that are as they were read, and that nobody else holds: whoever does is firing or editing them. Resolves
 * to them, each schedule once however often it was read.
 */
export async function holdUnchanged<Read extends { id: string; dueText: string; revision: number }>(
  tx: Executor,
  read: readonly Read[],
): Promise<Set<Read>> {
  const held = await tx.many<{ id: string; place: number }>(sql`
    select s.id, r.place from schedules s
    join unnest(${read.map(({ id }) => id)}::uuid[], ${read.map(({ dueText }) => dueText)}::timestamptz[],
      ${read.map(({ revision }) => revision)}::int[]) with ordinality as r (id, due, revision, place) on r.id = s.id
    where s.enabled and s.next_run_at = r.due and s.revision = r.revision
    order by s.id for no key update of s skip locked`);
  const places = new Map(held.map(({ id, place }) => [id, place]));
  return new Set([...places.values()].flatMap((place) => read[place - 1] ?? []));
}

/** Holds those that nobody else holds. Resolves to their ids. */
export async function holdSchedules(tx: Executor, ids: readonly string[]): Promise<Set<string>> {
  const held = await tx.many<{ id: string }>(sql`
    select id from schedules where id = any(${ids}::uuid[]) order by id for no key update skip locked`);
  return new Set(held.map(({ id }) => id));
}

/**
 * A statement of its own after the lock: it sees what was committed before it. In no order. A graph is unpacked once for all
 * schedules of its workflow: one of 2 MB takes 2 ms. The owner's right is what a webhook's owner needs.
 */
export function readHeld(
  tx: Executor,
  ids: readonly string[],
  runnerRoles: readonly string[],
): Promise<HeldSchedule[]> {
  return tx.many<HeldSchedule>(sql`
    with current as materialized (
      select w.id, w.workspace_id, w.archived_at, w.version,
        (select coalesce(jsonb_agg(jsonb_build_object('id', n ->> 'id', 'type', n ->> 'type') order by place), '[]')
          from workflow_versions v, jsonb_array_elements(v.graph -> 'nodes') with ordinality as nodes (n, place)
          where v.workflow_id = w.id and v.version = w.version and n ->> 'type' like 'trigger.%') as triggers
      from workflows w where w.id in (select workflow_id from schedules where id = any(${ids}::uuid[]))
    )
    select s.id, s.workspace_id as "workspaceId", s.workflow_id as "workflowId", s.owner_id as "ownerId",
      array_remove(s.editors, s.owner_id) as editors, s.overlap,
      s.input, s.trigger_node as "triggerNode", w.archived_at is not null as "isArchived", w.version,
      exists (
        select from workspace_members m join users u on u.id = m.user_id and u.disabled_at is null
        join workspaces p on p.id = m.workspace_id and not (p.require_totp and u.totp_enabled_at is null)
        where m.workspace_id = s.workspace_id and m.user_id = s.owner_id and m.role = any(${runnerRoles}::text[])
          and (m.expires_at is null or m.expires_at > clock_timestamp()) and m.emergency_reason is null
          and w.workspace_id = s.workspace_id) as "ownerMayRun",
      w.triggers,
      (select e.id from workflow_executions e
        where e.id = s.last_execution_id and e.status in ('queued', 'running', 'waiting')) as "liveId",
      (select count(*)::int from schedule_fires f where f.schedule_id = s.id and f.outcome = 'pending') as pending
    from schedules s join current w on w.id = s.workflow_id
    where s.id = any(${ids}::uuid[])`);
}

/** Which of these slots have been dealt with before, as `<schedule> <ms>`. */
export async function findTaken(
  tx: Executor,
  slots: readonly { scheduleId: string; slot: number }[],
): Promise<Set<string>> {
  const taken = await tx.many<{ scheduleId: string; slot: number }>(sql`
    select f.schedule_id as "scheduleId", floor(extract(epoch from f.scheduled_for) * 1000)::float8 as slot
    from schedule_fires f
    join unnest(${slots.map(({ scheduleId }) => scheduleId)}::uuid[], ${slots.map(({ slot }) => writeInstant(slot))}::timestamptz[])
      as s (schedule_id, slot) on s.schedule_id = f.schedule_id and s.slot = f.scheduled_for
    where f.kind <> 'manual'`);
  return new Set(taken.map(({ scheduleId, slot }) => `${scheduleId} ${slot}`));
}
