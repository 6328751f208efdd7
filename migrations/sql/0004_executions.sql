-- Up Migration
-- Partitioned by the UUIDv7 id, which is time-ordered: a look-up by id prunes, a month is dropped whole.
create table workflow_executions (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  version int not null,
  user_id uuid not null,
  status text not null default 'queued'
    check (status in ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
  trigger_type text not null default 'manual',
  trigger_node text,
  trigger jsonb not null default '{}',
  input jsonb,
  input_key_id text,
  output jsonb,
  output_key_id text,
  error jsonb,
  labels text[] not null default '{}',
  priority smallint not null default 0 check (priority between 0 and 10),
  -- The doorbell: when it may run, how often it was woken, when its bell was last rung or looked for.
  available_at timestamptz not null default now(),
  wake int not null default 0,
  rung_at timestamptz,
  -- The claim: who runs it, under which fence, until when on the database clock.
  fence int not null default 0,
  lease_owner uuid,
  lease_until timestamptz,
  crash_count smallint not null default 0,
  cancel_requested_at timestamptz,
  cancel_requested_by uuid,
  watched boolean not null default false,
  root_id uuid not null,
  retry_of uuid,
  fork_of uuid,
  parent_id uuid,
  parent_node text,
  parent_iteration text,
  depth smallint not null default 0 check (depth between 0 and 16),
  legacy_id text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  primary key (id)
) partition by range (id);

create index workflow_executions_list_idx on workflow_executions (workspace_id, id desc);
create index workflow_executions_workflow_idx on workflow_executions (workflow_id, id desc);
create index workflow_executions_queued_idx on workflow_executions (rung_at) where status = 'queued';
create index workflow_executions_lease_idx on workflow_executions (lease_until) where status = 'running';
create index workflow_executions_parent_idx on workflow_executions (parent_id) where parent_id is not null;
create index workflow_executions_legacy_idx on workflow_executions (workspace_id, legacy_id) where legacy_id is not null;

create trigger workflow_executions_terminal before update on workflow_executions
  for each row when (old.status in ('succeeded', 'failed', 'cancelled'))
  execute function refuse_change('a finished execution is final, retry makes a new one');

create table execution_steps (
  execution_id uuid not null,
  node_id text not null,
  iteration text not null default '',
  attempt int not null default 1,
  workspace_id uuid not null,
  node_type text not null,
  status text not null
    check (status in ('running', 'waiting', 'succeeded', 'failed', 'cancelled', 'unknown')),
  -- The order of what happened in the execution: the event id that Last-Event-ID resumes after.
  seq int not null,
  fence int not null,
  effect text not null default 'pure' check (effect in ('pure', 'idempotent', 'effectful')),
  idempotency_key text,
  port text,
  input jsonb,
  input_key_id text,
  output jsonb,
  output_key_id text,
  error jsonb,
  state jsonb,
  labels text[] not null default '{}',
  wake_at timestamptz,
  copied_from uuid,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (execution_id, node_id, iteration, attempt)
) partition by range (execution_id);

create trigger execution_steps_terminal before update on execution_steps
  for each row when (old.status in ('succeeded', 'failed', 'cancelled'))
  execute function refuse_change('a finished step is final');

create table execution_keys (
  workspace_id uuid not null,
  user_id uuid not null,
  key text not null check (length(key) between 1 and 255),
  request_hash bytea not null,
  execution_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, user_id, key)
);
create index execution_keys_created_at_idx on execution_keys (created_at);

create table workers (
  id uuid primary key,
  host text not null,
  pid int not null,
  concurrency int not null,
  started_at timestamptz not null default clock_timestamp(),
  heartbeat_at timestamptz not null default clock_timestamp(),
  stopped_at timestamptz
);

-- Makes the month partitions of one instant; true when something was made.
create function ensure_partition(at timestamptz) returns boolean
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  month timestamptz := date_trunc('month', at, 'UTC');
  parent text;
  part text;
  made boolean := false;
begin
  foreach parent in array array['workflow_executions', 'execution_steps'] loop
    part := format('%s_%s', parent, to_char(month at time zone 'UTC', 'YYYYMM'));
    if to_regclass(format('public.%I', part)) is null then
      execute format('create table public.%I partition of public.%I for values from (%L) to (%L)',
        part, parent, uuid_floor(month), uuid_floor(month + interval '1 month'));
      execute format('alter table public.%I enable row level security, force row level security', part);
      made := true;
    end if;
  end loop;
  return made;
end $$;
revoke execute on function ensure_partition(timestamptz) from public;
grant execute on function ensure_partition(timestamptz) to atelier_api, atelier_scheduler;

create table workflow_executions_default partition of workflow_executions default;
create table execution_steps_default partition of execution_steps default;
select ensure_partition(now() + make_interval(months => m)) from generate_series(0, 12) m;
