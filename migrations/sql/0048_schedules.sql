-- Up Migration
-- What a schedule needs to fire each slot exactly once, and to explain every slot that it did not fire.
alter table schedules
  add column name text not null default '',
  -- Raised by every edit: a scheduler that has read the schedule before it fires nothing by it.
  add column revision int not null default 1,
  -- null: the version's own trigger.schedule, else its default trigger.
  add column trigger_node text,
  add column tolerance_ms int not null default 60000 check (tolerance_ms between 1000 and 86400000),
  add column max_lateness_ms bigint check (max_lateness_ms > 0),
  -- What it started last by the clock or from its queue, for the overlap rules.
  add column last_execution_id uuid;

alter table schedule_fires drop constraint schedule_fires_pkey;
alter table schedule_fires
  add column id uuid primary key,
  add column kind text not null default 'slot' check (kind in ('slot', 'backfill', 'manual')),
  drop constraint schedule_fires_outcome_check,
  add constraint schedule_fires_outcome_check check (outcome in ('pending', 'fired', 'skipped'));
-- The promise itself: a slot fires once, whoever finds it due, and a backfill makes up for no slot that has fired.
create unique index schedule_fires_slot_idx on schedule_fires (schedule_id, scheduled_for) where kind <> 'manual';
create index schedule_fires_history_idx on schedule_fires (schedule_id, id desc);
create index schedule_fires_pending_idx on schedule_fires (schedule_id, scheduled_for) where outcome = 'pending';

-- Slots next to each other that did not fire, for one reason.
create table schedule_skips (
  id uuid primary key,
  workspace_id uuid not null,
  schedule_id uuid not null references schedules (id) on delete cascade,
  first_slot timestamptz not null,
  last_slot timestamptz not null,
  -- null: too many to count.
  slots int check (slots > 0),
  reason text not null,
  -- The one that was in the way.
  execution_id uuid,
  created_at timestamptz not null default now()
);
create index schedule_skips_history_idx on schedule_skips (schedule_id, id desc);
create index schedule_skips_workspace_id_idx on schedule_skips (workspace_id);
alter table schedule_skips enable row level security, force row level security;
create policy api_tenant on schedule_skips for all to atelier_api
  using (workspace_id = any ((select app_workspace_ids())::uuid[]))
  with check (workspace_id = any ((select app_workspace_ids())::uuid[]));
create policy eraser_all on schedule_skips for all to atelier_eraser using (true) with check (true);
create policy scheduler_fires on schedule_skips for all to atelier_scheduler using (true) with check (true);
grant select, insert, delete on schedule_skips to atelier_api;
grant select, insert, delete on schedule_skips to atelier_scheduler;
grant select, delete on schedule_skips to atelier_eraser;

-- Does the owner of a schedule still exist, and may they run things?
create policy scheduler_reads on workspace_members for select to atelier_scheduler using (true);
grant select (workspace_id, user_id, role, expires_at) on workspace_members to atelier_scheduler;
create policy scheduler_reads on users for select to atelier_scheduler using (true);
grant select (id, disabled_at) on users to atelier_scheduler;

drop function erase_tables();
create function erase_tables() returns text[] language sql immutable
  return array['execution_keys', 'approvals', 'webhook_deliveries', 'webhooks', 'schedule_fires', 'schedule_skips',
    'schedules', 'file_chunks', 'files', 'credentials', 'workflow_versions', 'workflows', 'api_keys', 'invitations',
    'ended_memberships', 'workspace_members'];
do $$
begin
  grant create on schema public to atelier_eraser;
  revoke execute on function erase_tables() from public;
  alter function erase_tables() owner to atelier_eraser;
  revoke create on schema public from atelier_eraser;
end $$;
