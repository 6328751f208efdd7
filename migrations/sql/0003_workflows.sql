-- Up Migration
create table workflows (
  id uuid primary key,
  workspace_id uuid not null references workspaces (id),
  owner_id uuid not null references users (id),
  name text not null,
  description text not null default '',
  version int not null default 1,
  archived_at timestamptz,
  legacy_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (workspace_id, id)
);
create index workflows_list_idx on workflows (workspace_id, id desc) where archived_at is null;
create unique index workflows_legacy_id_key on workflows (workspace_id, legacy_id);

create table workflow_versions (
  workflow_id uuid not null,
  version int not null check (version > 0),
  workspace_id uuid not null,
  content_hash bytea not null,
  graph jsonb not null,
  note text not null default '',
  created_by uuid not null references users (id),
  created_at timestamptz not null default now(),
  primary key (workflow_id, version),
  foreign key (workspace_id, workflow_id) references workflows (workspace_id, id)
);
create trigger workflow_versions_immutable before update or delete on workflow_versions
  for each row execute function refuse_change('a version is immutable, save a new one');
create trigger workflow_versions_no_truncate before truncate on workflow_versions
  for each statement execute function refuse_change('a version is immutable');
