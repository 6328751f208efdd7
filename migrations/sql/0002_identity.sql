-- Up Migration
create table users (
  id uuid primary key,
  email text not null,
  name text not null default '',
  password_hash text not null,
  is_admin boolean not null default false,
  disabled_at timestamptz,
  totp_secret bytea,
  totp_key_id text,
  totp_enabled_at timestamptz,
  recovery_code_hashes bytea[] not null default '{}',
  password_changed_at timestamptz not null default now(),
  legacy_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index users_email_key on users (lower(email));

create table sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  user_agent text not null default '',
  client text not null default '',
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  idle_expires_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text check (end_reason in ('logout', 'reuse', 'password', 'admin', 'expired'))
);
create index sessions_user_id_idx on sessions (user_id, created_at desc);

-- Every refresh token a session ever had, hashed: only the newest has no rotated_at.
create table refresh_tokens (
  token_hash bytea primary key,
  session_id uuid not null references sessions (id) on delete cascade,
  created_at timestamptz not null default now(),
  rotated_at timestamptz
);
create index refresh_tokens_session_id_idx on refresh_tokens (session_id);

create table api_keys (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  workspace_id uuid,
  name text not null,
  key_hash bytea not null unique,
  scopes text[] not null check (scopes <@ array['read', 'run', 'write', 'admin']),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create index api_keys_user_id_idx on api_keys (user_id, id desc);

create table workspaces (
  id uuid primary key,
  name text not null,
  personal boolean not null default false,
  created_by uuid not null references users (id),
  settings jsonb not null default '{}',
  legacy_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table workspace_members (
  workspace_id uuid not null references workspaces (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  role text not null check (role in ('owner', 'editor', 'operator', 'viewer', 'auditor')),
  created_at timestamptz not null default now(),
  primary key (workspace_id, user_id)
);
create index workspace_members_user_id_idx on workspace_members (user_id);

create table invitations (
  id uuid primary key,
  workspace_id uuid not null references workspaces (id) on delete cascade,
  email text not null,
  role text not null check (role in ('owner', 'editor', 'operator', 'viewer', 'auditor')),
  token_hash bytea not null unique,
  invited_by uuid not null references users (id),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by uuid references users (id),
  created_at timestamptz not null default now()
);
create index invitations_workspace_id_idx on invitations (workspace_id, id desc);
