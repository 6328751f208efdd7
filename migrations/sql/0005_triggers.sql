-- Up Migration
-- What starts and resumes executions from outside: schedules, webhooks, approvals.
create table schedules (
  id uuid primary key,
  workspace_id uuid not null references workspaces (id),
  workflow_id uuid not null references workflows (id),
  owner_id uuid not null references users (id),
  cron text,
  run_at timestamptz,
  timezone text not null default 'UTC',
  input jsonb not null default '{}',
  misfire text not null default 'once' check (misfire in ('skip', 'once', 'all')),
  overlap text not null default 'allow' check (overlap in ('allow', 'skip', 'queue', 'cancel')),
  enabled boolean not null default true,
  start_at timestamptz,
  end_at timestamptz,
  next_run_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((cron is null) <> (run_at is null))
);
create index schedules_list_idx on schedules (workspace_id, id desc);
create index schedules_due_idx on schedules (next_run_at) where enabled;

create table schedule_fires (
  schedule_id uuid not null references schedules (id) on delete cascade,
  scheduled_for timestamptz not null,
  workspace_id uuid not null,
  outcome text not null check (outcome in ('fired', 'skipped')),
  reason text,
  version int,
  execution_id uuid,
  fired_at timestamptz not null default now(),
  primary key (schedule_id, scheduled_for)
);

create table webhooks (
  id uuid primary key,
  workspace_id uuid not null references workspaces (id),
  workflow_id uuid not null references workflows (id),
  owner_id uuid not null references users (id),
  token_hash bytea not null unique,
  verify_type text not null check (verify_type in ('hmac-sha256', 'bearer', 'none')),
  verify_header text,
  secret bytea,
  secret_key_id text,
  previous_secret bytea,
  previous_secret_key_id text,
  previous_secret_until timestamptz,
  created_at timestamptz not null default now()
);
create index webhooks_list_idx on webhooks (workspace_id, id desc);

create table webhook_deliveries (
  webhook_id uuid not null references webhooks (id) on delete cascade,
  delivery_id text not null,
  workspace_id uuid not null,
  execution_id uuid,
  received_at timestamptz not null default now(),
  primary key (webhook_id, delivery_id)
);
create index webhook_deliveries_received_at_idx on webhook_deliveries (received_at);

create table approvals (
  id uuid primary key,
  workspace_id uuid not null,
  execution_id uuid not null,
  node_id text not null,
  iteration text not null default '',
  status text not null default 'pending' check (status in ('pending', 'approved', 'rejected', 'expired')),
  approvers text[] not null default '{}',
  quorum int not null default 1 check (quorum > 0),
  decisions jsonb not null default '[]',
  message text not null default '',
  deadline timestamptz,
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  unique (execution_id, node_id, iteration)
);
create index approvals_pending_idx on approvals (workspace_id, id desc) where status = 'pending';
