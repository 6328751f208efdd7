-- Up Migration
create table credentials (
  id uuid primary key,
  workspace_id uuid not null references workspaces (id),
  owner_id uuid not null references users (id),
  name text not null,
  type text not null,
  -- The record's own data key, wrapped by the key-encryption key named by key_id; see core/crypto.
  key_id text not null,
  wrapped_key bytea not null,
  ciphertext bytea not null,
  allowed_hosts text[] not null default '{}',
  cleared_labels text[] not null default '{}',
  legacy_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (workspace_id, name)
);
create index credentials_list_idx on credentials (workspace_id, id desc);
create index credentials_key_id_idx on credentials (key_id);

-- One known text per key-encryption key: a process with other keys refuses to start.
create table key_canaries (
  key_id text primary key,
  wrapped_key bytea not null,
  ciphertext bytea not null,
  created_at timestamptz not null default now()
);

create table files (
  id uuid primary key,
  workspace_id uuid not null references workspaces (id),
  owner_id uuid not null references users (id),
  name text not null,
  content_type text not null,
  size bigint not null default 0,
  sha256 bytea,
  labels text[] not null default '{}',
  key_id text,
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  unique (workspace_id, id)
);
create index files_list_idx on files (workspace_id, id desc);

create table file_chunks (
  file_id uuid not null,
  seq int not null,
  workspace_id uuid not null,
  bytes bytea not null,
  primary key (file_id, seq),
  foreign key (workspace_id, file_id) references files (workspace_id, id) on delete cascade
);
-- Uploads are compressed already or not worth it: skip the attempt.
alter table file_chunks alter column bytes set storage external;

-- One chain per workspace; the instance's own chain has the nil UUID.
create table audit_heads (
  chain_id uuid primary key,
  seq bigint not null,
  hash bytea not null,
  updated_at timestamptz not null default clock_timestamp()
);

create table audit_logs (
  chain_id uuid not null,
  seq bigint not null,
  id uuid not null,
  at timestamptz not null,
  actor_id uuid,
  action text not null,
  target_type text not null,
  target_id text,
  -- The chain holds the hash of the details, so a person can be erased and the chain still verifies.
  details jsonb,
  canonical bytea not null,
  previous_hash bytea not null,
  hash bytea not null,
  primary key (chain_id, seq)
);
create unique index audit_logs_id_key on audit_logs (id);
create index audit_logs_actor_idx on audit_logs (chain_id, actor_id, seq desc);
create index audit_logs_action_idx on audit_logs (chain_id, action, seq desc);
create index audit_logs_target_idx on audit_logs (chain_id, target_id, seq desc);
create trigger audit_logs_append_only before update or delete on audit_logs
  for each row execute function refuse_change('the audit log is append-only');
create trigger audit_logs_no_truncate before truncate on audit_logs
  for each statement execute function refuse_change('the audit log is append-only');
