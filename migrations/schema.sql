-- Written by npm run schema from the catalogue of a migrated database. Not run by anything.

create table api_keys (
  id uuid not null,
  user_id uuid not null,
  workspace_id uuid,
  name text not null,
  key_hash bytea not null,
  scopes text[] not null,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  hint text not null default ''::text
);
create table approvals (
  id uuid not null,
  workspace_id uuid not null,
  execution_id uuid not null,
  node_id text not null,
  iteration text not null default ''::text,
  status text not null default 'pending'::text,
  approvers text[] not null default '{}'::text[],
  quorum integer not null default 1,
  decisions jsonb not null default '[]'::jsonb,
  message text not null default ''::text,
  deadline timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  decided_at timestamp with time zone,
  attempt integer not null default 1,
  excluded_user_ids uuid[] not null default '{}'::uuid[],
  salt uuid not null default gen_random_uuid()
);
create table audit_heads (
  chain_id uuid not null,
  seq bigint not null,
  hash bytea not null,
  updated_at timestamp with time zone not null default clock_timestamp()
);
create table audit_logs (
  chain_id uuid not null,
  seq bigint not null,
  id uuid not null,
  at timestamp with time zone not null,
  actor_id uuid,
  action text not null,
  target_type text not null,
  target_id text,
  details jsonb,
  canonical bytea not null,
  previous_hash bytea not null,
  hash bytea not null,
  words tsvector
);
create table credentials (
  id uuid not null,
  workspace_id uuid not null,
  owner_id uuid not null,
  name text not null,
  type text not null,
  key_id text not null,
  wrapped_key bytea not null,
  ciphertext bytea not null,
  allowed_hosts text[] not null default '{}'::text[],
  cleared_labels text[] not null default '{}'::text[],
  legacy_id text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  test_workflow_id uuid
);
create table ended_memberships (
  id bigint not null,
  workspace_id uuid not null,
  user_id uuid not null,
  role text not null,
  expired_at timestamp with time zone not null,
  is_emergency boolean not null
);
create table erasure_places (
  erasure_id uuid not null,
  chain_id uuid not null,
  seq bigint not null
);
create table erasures (
  id uuid not null,
  user_id uuid not null,
  chain_id uuid,
  asked_by uuid not null,
  begun_at timestamp with time zone not null default clock_timestamp(),
  email text,
  name text,
  sealed_at timestamp with time zone,
  older_transactions text[],
  due_at timestamp with time zone not null default (clock_timestamp() + '00:00:10'::interval),
  failures integer not null default 0,
  moved_items integer not null default 0,
  deleted_workspaces integer not null default 0,
  left_workspaces integer not null default 0,
  erased_entries integer not null default 0,
  finished_at timestamp with time zone
);
create table execution_keys (
  workspace_id uuid not null,
  user_id uuid not null,
  key text not null,
  request_hash bytea not null,
  execution_id uuid not null,
  created_at timestamp with time zone not null default now()
);
create table execution_steps (
  execution_id uuid not null,
  node_id text not null,
  iteration text not null default ''::text,
  attempt integer not null default 1,
  workspace_id uuid not null,
  node_type text not null,
  status text not null,
  seq integer not null,
  fence integer not null,
  effect text not null default 'pure'::text,
  idempotency_key text,
  port text,
  input jsonb,
  input_key_id text,
  output jsonb,
  output_key_id text,
  error jsonb,
  state jsonb,
  labels text[] not null default '{}'::text[],
  wake_at timestamp with time zone,
  copied_from uuid,
  started_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone
) partition by RANGE (execution_id);
create table file_chunks (
  file_id uuid not null,
  seq integer not null,
  workspace_id uuid not null,
  bytes bytea not null
);
create table files (
  id uuid not null,
  workspace_id uuid not null,
  owner_id uuid not null,
  name text not null,
  content_type text not null,
  size bigint not null default 0,
  sha256 bytea,
  labels text[] not null default '{}'::text[],
  key_id text,
  created_at timestamp with time zone not null default now(),
  completed_at timestamp with time zone
);
create table invitations (
  id uuid not null,
  workspace_id uuid,
  email text not null,
  role text,
  token_hash bytea not null,
  invited_by uuid not null,
  expires_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  accepted_by uuid,
  created_at timestamp with time zone not null default now(),
  member_expires_at timestamp with time zone
);
create table key_canaries (
  key_id text not null,
  wrapped_key bytea not null,
  ciphertext bytea not null,
  created_at timestamp with time zone not null default now()
);
create table pending_moves (
  id bigint not null,
  execution_id uuid not null,
  move text not null,
  asked_by uuid,
  asked_at timestamp with time zone not null default clock_timestamp(),
  turn_of uuid
);
create unlogged table rate_limits (
  key text not null,
  points integer not null default 0,
  expire bigint
);
create table refresh_tokens (
  token_hash bytea not null,
  session_id uuid not null,
  created_at timestamp with time zone not null default now(),
  rotated_at timestamp with time zone
);
create table reset_tokens (
  user_id uuid not null,
  token_hash bytea not null,
  created_by uuid,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now()
);
create table retention_passes (
  workspace_id uuid not null,
  part text not null,
  place uuid not null default '00000000-0000-0000-0000-000000000000'::uuid,
  began_at timestamp with time zone not null default clock_timestamp(),
  executions bigint not null default 0,
  steps bigint not null default 0,
  first_id uuid,
  last_id uuid,
  emptying uuid[] not null default '{}'::uuid[],
  emptied_node text not null default ''::text,
  emptied_iteration text not null default ''::text,
  emptied_attempt integer not null default 0
);
create table schedule_fires (
  schedule_id uuid not null,
  scheduled_for timestamp with time zone not null,
  workspace_id uuid not null,
  outcome text not null,
  reason text,
  version integer,
  execution_id uuid,
  fired_at timestamp with time zone not null default now(),
  id uuid not null,
  kind text not null default 'slot'::text,
  asked_by uuid,
  resting boolean not null default false
);
create table schedule_skips (
  id uuid not null,
  workspace_id uuid not null,
  schedule_id uuid not null,
  first_slot timestamp with time zone not null,
  last_slot timestamp with time zone not null,
  slots integer,
  reason text not null,
  execution_id uuid,
  created_at timestamp with time zone not null default now()
);
create table schedules (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  owner_id uuid not null,
  cron text,
  run_at timestamp with time zone,
  timezone text not null default 'UTC'::text,
  input jsonb not null default '{}'::jsonb,
  misfire text not null default 'once'::text,
  overlap text not null default 'allow'::text,
  enabled boolean not null default true,
  start_at timestamp with time zone,
  end_at timestamp with time zone,
  next_run_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  revision integer not null default 1,
  trigger_node text,
  tolerance_ms integer not null default 60000,
  max_lateness_ms bigint,
  last_execution_id uuid,
  input_bytes integer not null default octet_length((input)::text),
  editors uuid[] not null default '{}'::uuid[]
);
create table sessions (
  id uuid not null,
  user_id uuid not null,
  user_agent text not null default ''::text,
  client text not null default ''::text,
  created_at timestamp with time zone not null default now(),
  last_used_at timestamp with time zone not null default now(),
  idle_expires_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  end_reason text,
  proven_at timestamp with time zone
);
create table timer_runs (
  name text not null,
  known_since timestamp with time zone not null default clock_timestamp(),
  last_success_at timestamp with time zone,
  last_seconds double precision,
  last_failure_at timestamp with time zone,
  last_error text,
  failures bigint not null default 0
);
create table users (
  id uuid not null,
  email text not null,
  name text not null default ''::text,
  password_hash text not null,
  is_admin boolean not null default false,
  disabled_at timestamp with time zone,
  totp_secret bytea,
  totp_key_id text,
  totp_enabled_at timestamp with time zone,
  recovery_code_hashes bytea[] not null default '{}'::bytea[],
  password_changed_at timestamp with time zone not null default now(),
  legacy_id text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  totp_wrapped_key bytea,
  totp_last_step bigint,
  erased_at timestamp with time zone
);
create table webhook_deliveries (
  webhook_id uuid not null,
  delivery_id text not null,
  workspace_id uuid not null,
  execution_id uuid,
  received_at timestamp with time zone not null default now(),
  id uuid not null default gen_random_uuid(),
  outcome text not null default 'accepted'::text,
  reason text,
  times integer not null default 1,
  signature bytea,
  content bytea
);
create table webhooks (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  owner_id uuid not null,
  token_hash bytea not null,
  verify_type text not null,
  verify_header text,
  secret bytea,
  secret_key_id text,
  previous_secret bytea,
  previous_secret_key_id text,
  previous_secret_until timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  trigger_node text,
  style text not null default 'generic'::text,
  timestamp_header text,
  enabled boolean not null default true,
  updated_at timestamp with time zone not null default now(),
  secret_wrapped_key bytea,
  previous_secret_wrapped_key bytea,
  editors uuid[] not null default '{}'::uuid[]
);
create table workers (
  id uuid not null,
  host text not null,
  pid integer not null,
  concurrency integer not null,
  started_at timestamp with time zone not null default clock_timestamp(),
  heartbeat_at timestamp with time zone not null default clock_timestamp(),
  stopped_at timestamp with time zone,
  running integer not null default 0
);
create table workflow_executions (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  version integer not null,
  user_id uuid not null,
  status text not null default 'queued'::text,
  trigger_type text not null default 'manual'::text,
  trigger_node text,
  trigger jsonb not null default '{}'::jsonb,
  input jsonb,
  input_key_id text,
  output jsonb,
  output_key_id text,
  error jsonb,
  labels text[] not null default '{}'::text[],
  priority smallint not null default 0,
  available_at timestamp with time zone not null default now(),
  wake integer not null default 0,
  rung_at timestamp with time zone,
  fence integer not null default 0,
  lease_owner uuid,
  lease_until timestamp with time zone,
  crash_count smallint not null default 0,
  cancel_requested_at timestamp with time zone,
  cancel_requested_by uuid,
  watched boolean not null default false,
  root_id uuid not null,
  retry_of uuid,
  fork_of uuid,
  parent_id uuid,
  parent_node text,
  parent_iteration text,
  depth smallint not null default 0,
  legacy_id text,
  created_at timestamp with time zone not null default now(),
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  bell uuid,
  trace_parent text,
  concurrency integer,
  held_by uuid,
  band smallint not null default 0,
  payload_expired_at timestamp with time zone,
  people_behind uuid[]
) partition by RANGE (id);
create table workflow_versions (
  workflow_id uuid not null,
  version integer not null,
  workspace_id uuid not null,
  content_hash bytea not null,
  graph jsonb not null,
  note text not null default ''::text,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  labels text[] not null default '{}'::text[],
  concurrency integer
);
create table workflows (
  id uuid not null,
  workspace_id uuid not null,
  owner_id uuid not null,
  name text not null,
  description text not null default ''::text,
  version integer not null default 1,
  archived_at timestamp with time zone,
  legacy_id text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now()
);
create table workspace_members (
  workspace_id uuid not null,
  user_id uuid not null,
  role text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  emergency_reason text
);
create table workspaces (
  id uuid not null,
  name text not null,
  personal boolean not null default false,
  created_by uuid not null,
  settings jsonb not null default '{}'::jsonb,
  legacy_id text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  require_totp boolean not null default false,
  deleted_at timestamp with time zone,
  deleted_by uuid,
  deleted_xid xid8,
  audit_reads boolean not null default false,
  max_concurrency integer,
  max_queued integer,
  execution_days integer,
  payload_days integer,
  legal_hold_at timestamp with time zone,
  legal_hold_by uuid,
  legal_hold_reason text
);

alter table api_keys add constraint api_keys_key_hash_key UNIQUE (key_hash);
alter table api_keys add constraint api_keys_pkey PRIMARY KEY (id);
alter table api_keys add constraint api_keys_scopes_check CHECK ((scopes <@ ARRAY['read'::text, 'run'::text, 'approve'::text, 'write'::text, 'admin'::text]));
alter table api_keys add constraint api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table api_keys add constraint api_keys_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table approvals add constraint approvals_attempt_check CHECK ((attempt > 0));
alter table approvals add constraint approvals_decided_at_check CHECK (((status = 'pending'::text) OR (decided_at IS NOT NULL)));
alter table approvals add constraint approvals_execution_id_node_id_iteration_attempt_key UNIQUE (execution_id, node_id, iteration, attempt);
alter table approvals add constraint approvals_pkey PRIMARY KEY (id);
alter table approvals add constraint approvals_quorum_check CHECK ((quorum > 0));
alter table approvals add constraint approvals_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'expired'::text, 'cancelled'::text])));
alter table audit_heads add constraint audit_heads_pkey PRIMARY KEY (chain_id);
alter table audit_logs add constraint audit_logs_erasure_audited TRIGGER DEFERRABLE INITIALLY DEFERRED;
alter table audit_logs add constraint audit_logs_pkey PRIMARY KEY (chain_id, seq);
alter table credentials add constraint credentials_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(id);
alter table credentials add constraint credentials_pkey PRIMARY KEY (id);
alter table credentials add constraint credentials_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id);
alter table credentials add constraint credentials_workspace_id_name_key UNIQUE (workspace_id, name);
alter table ended_memberships add constraint ended_memberships_pkey PRIMARY KEY (id);
alter table erasure_places add constraint erasure_places_erasure_id_fkey FOREIGN KEY (erasure_id) REFERENCES erasures(id) ON DELETE CASCADE;
alter table erasure_places add constraint erasure_places_pkey PRIMARY KEY (erasure_id, chain_id);
alter table erasures add constraint erasures_pkey PRIMARY KEY (id);
alter table execution_keys add constraint execution_keys_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255)));
alter table execution_keys add constraint execution_keys_pkey PRIMARY KEY (workspace_id, user_id, key);
alter table execution_steps add constraint execution_steps_effect_check CHECK ((effect = ANY (ARRAY['pure'::text, 'idempotent'::text, 'effectful'::text])));
alter table execution_steps add constraint execution_steps_pkey PRIMARY KEY (execution_id, node_id, iteration, attempt);
alter table execution_steps add constraint execution_steps_status_check CHECK ((status = ANY (ARRAY['running'::text, 'waiting'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text, 'unknown'::text])));
alter table file_chunks add constraint file_chunks_pkey PRIMARY KEY (file_id, seq);
alter table file_chunks add constraint file_chunks_workspace_id_file_id_fkey FOREIGN KEY (workspace_id, file_id) REFERENCES files(workspace_id, id) ON DELETE CASCADE;
alter table files add constraint files_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(id);
alter table files add constraint files_pkey PRIMARY KEY (id);
alter table files add constraint files_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id);
alter table files add constraint files_workspace_id_id_key UNIQUE (workspace_id, id);
alter table invitations add constraint invitations_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES users(id);
alter table invitations add constraint invitations_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES users(id);
alter table invitations add constraint invitations_owner_stays CHECK (((role <> 'owner'::text) OR (member_expires_at IS NULL)));
alter table invitations add constraint invitations_pkey PRIMARY KEY (id);
alter table invitations add constraint invitations_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'editor'::text, 'operator'::text, 'viewer'::text, 'auditor'::text])));
alter table invitations add constraint invitations_role_check1 CHECK (((workspace_id IS NULL) = (role IS NULL)));
alter table invitations add constraint invitations_token_hash_key UNIQUE (token_hash);
alter table invitations add constraint invitations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table key_canaries add constraint key_canaries_pkey PRIMARY KEY (key_id);
alter table pending_moves add constraint pending_moves_move_check CHECK ((move = ANY (ARRAY['wake'::text, 'cancel'::text])));
alter table pending_moves add constraint pending_moves_pkey PRIMARY KEY (id);
alter table rate_limits add constraint rate_limits_pkey PRIMARY KEY (key);
alter table refresh_tokens add constraint refresh_tokens_pkey PRIMARY KEY (token_hash);
alter table refresh_tokens add constraint refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE;
alter table reset_tokens add constraint reset_tokens_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id) ON DELETE SET NULL;
alter table reset_tokens add constraint reset_tokens_pkey PRIMARY KEY (user_id);
alter table reset_tokens add constraint reset_tokens_token_hash_key UNIQUE (token_hash);
alter table reset_tokens add constraint reset_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table retention_passes add constraint retention_passes_part_check CHECK ((part = ANY (ARRAY['executions'::text, 'payloads'::text])));
alter table retention_passes add constraint retention_passes_pkey PRIMARY KEY (workspace_id, part);
alter table schedule_fires add constraint schedule_fires_kind_check CHECK ((kind = ANY (ARRAY['slot'::text, 'backfill'::text, 'manual'::text])));
alter table schedule_fires add constraint schedule_fires_outcome_check CHECK ((outcome = ANY (ARRAY['pending'::text, 'fired'::text, 'skipped'::text])));
alter table schedule_fires add constraint schedule_fires_pkey PRIMARY KEY (id);
alter table schedule_skips add constraint schedule_skips_pkey PRIMARY KEY (id);
alter table schedule_skips add constraint schedule_skips_slots_check CHECK ((slots > 0));
alter table schedules add constraint schedules_check CHECK (((cron IS NULL) <> (run_at IS NULL)));
alter table schedules add constraint schedules_max_lateness_ms_check CHECK ((max_lateness_ms > 0));
alter table schedules add constraint schedules_misfire_check CHECK ((misfire = ANY (ARRAY['skip'::text, 'once'::text, 'all'::text])));
alter table schedules add constraint schedules_overlap_check CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text, 'queue'::text, 'cancel'::text])));
alter table schedules add constraint schedules_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(id);
alter table schedules add constraint schedules_pkey PRIMARY KEY (id);
alter table schedules add constraint schedules_tolerance_ms_check CHECK (((tolerance_ms >= 1000) AND (tolerance_ms <= 86400000)));
alter table schedules add constraint schedules_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflows(id);
alter table schedules add constraint schedules_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id);
alter table sessions add constraint sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['logout'::text, 'reuse'::text, 'password'::text, 'admin'::text, 'expired'::text])));
alter table sessions add constraint sessions_pkey PRIMARY KEY (id);
alter table sessions add constraint sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table timer_runs add constraint timer_runs_pkey PRIMARY KEY (name);
alter table users add constraint users_erasure_audited TRIGGER DEFERRABLE INITIALLY DEFERRED;
alter table users add constraint users_pkey PRIMARY KEY (id);
alter table webhook_deliveries add constraint webhook_deliveries_outcome_check CHECK ((outcome = ANY (ARRAY['accepted'::text, 'repeated'::text, 'refused'::text])));
alter table webhook_deliveries add constraint webhook_deliveries_pkey PRIMARY KEY (webhook_id, delivery_id);
alter table webhook_deliveries add constraint webhook_deliveries_times_check CHECK ((times > 0));
alter table webhooks add constraint webhooks_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(id);
alter table webhooks add constraint webhooks_pkey PRIMARY KEY (id);
alter table webhooks add constraint webhooks_style_check CHECK ((style = ANY (ARRAY['generic'::text, 'github'::text, 'stripe'::text, 'shopify'::text, 'slack'::text])));
alter table webhooks add constraint webhooks_token_hash_key UNIQUE (token_hash);
alter table webhooks add constraint webhooks_verify_type_check CHECK ((verify_type = ANY (ARRAY['hmac-sha256'::text, 'bearer'::text, 'none'::text])));
alter table webhooks add constraint webhooks_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflows(id);
alter table webhooks add constraint webhooks_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id);
alter table workers add constraint workers_pkey PRIMARY KEY (id);
alter table workers add constraint workers_running_check CHECK ((running >= 0));
alter table workflow_executions add constraint workflow_executions_depth_check CHECK (((depth >= 0) AND (depth <= 16)));
alter table workflow_executions add constraint workflow_executions_pkey PRIMARY KEY (id);
alter table workflow_executions add constraint workflow_executions_priority_check CHECK (((priority >= 0) AND (priority <= 10)));
alter table workflow_executions add constraint workflow_executions_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])));
alter table workflow_versions add constraint workflow_versions_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id);
alter table workflow_versions add constraint workflow_versions_pkey PRIMARY KEY (workflow_id, version);
alter table workflow_versions add constraint workflow_versions_version_check CHECK ((version > 0));
alter table workflow_versions add constraint workflow_versions_workspace_id_workflow_id_fkey FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows(workspace_id, id);
alter table workflows add constraint workflows_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(id);
alter table workflows add constraint workflows_pkey PRIMARY KEY (id);
alter table workflows add constraint workflows_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id);
alter table workflows add constraint workflows_workspace_id_id_key UNIQUE (workspace_id, id);
alter table workspace_members add constraint workspace_members_emergency_ends CHECK (((emergency_reason IS NULL) OR (expires_at IS NOT NULL)));
alter table workspace_members add constraint workspace_members_owner_stays CHECK (((role <> 'owner'::text) OR (expires_at IS NULL)));
alter table workspace_members add constraint workspace_members_pkey PRIMARY KEY (workspace_id, user_id);
alter table workspace_members add constraint workspace_members_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'editor'::text, 'operator'::text, 'viewer'::text, 'auditor'::text])));
alter table workspace_members add constraint workspace_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
alter table workspace_members add constraint workspace_members_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
alter table workspaces add constraint workspaces_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id);
alter table workspaces add constraint workspaces_deletion_audited TRIGGER DEFERRABLE INITIALLY DEFERRED;
alter table workspaces add constraint workspaces_execution_days_check CHECK (((execution_days >= 1) AND (execution_days <= 36500)));
alter table workspaces add constraint workspaces_legal_hold_check CHECK (((legal_hold_at IS NULL) = (legal_hold_reason IS NULL)));
alter table workspaces add constraint workspaces_max_concurrency_check CHECK (((max_concurrency >= 1) AND (max_concurrency <= 10000)));
alter table workspaces add constraint workspaces_max_queued_check CHECK (((max_queued >= 1) AND (max_queued <= 1000000)));
alter table workspaces add constraint workspaces_payload_before_execution_check CHECK ((payload_days <= execution_days));
alter table workspaces add constraint workspaces_payload_days_check CHECK (((payload_days >= 1) AND (payload_days <= 36500)));
alter table workspaces add constraint workspaces_pkey PRIMARY KEY (id);

CREATE INDEX api_keys_user_id_idx ON public.api_keys USING btree (user_id, id DESC);
CREATE INDEX api_keys_workspace_id_idx ON public.api_keys USING btree (workspace_id) WHERE (workspace_id IS NOT NULL);
CREATE INDEX approvals_oldest_idx ON public.approvals USING btree (created_at) WHERE (status = 'pending'::text);
CREATE INDEX approvals_page_idx ON public.approvals USING btree (workspace_id, id DESC);
CREATE INDEX approvals_pending_idx ON public.approvals USING btree (workspace_id, id DESC) WHERE (status = 'pending'::text);
CREATE INDEX audit_logs_action_idx ON public.audit_logs USING btree (chain_id, action, at DESC, seq DESC);
CREATE INDEX audit_logs_actor_idx ON public.audit_logs USING btree (chain_id, actor_id, at DESC, seq DESC);
CREATE UNIQUE INDEX audit_logs_id_key ON public.audit_logs USING btree (id);
CREATE INDEX audit_logs_target_idx ON public.audit_logs USING btree (chain_id, target_id, at DESC, seq DESC);
CREATE INDEX audit_logs_time_idx ON public.audit_logs USING btree (chain_id, at DESC, seq DESC);
CREATE INDEX audit_logs_type_idx ON public.audit_logs USING btree (chain_id, target_type, at DESC, seq DESC);
CREATE INDEX audit_logs_words_idx ON public.audit_logs USING gin (words);
CREATE INDEX credentials_key_id_idx ON public.credentials USING btree (key_id);
CREATE INDEX credentials_list_idx ON public.credentials USING btree (workspace_id, id DESC);
CREATE INDEX erasures_due_idx ON public.erasures USING btree (due_at) WHERE (finished_at IS NULL);
CREATE UNIQUE INDEX erasures_pending_idx ON public.erasures USING btree (user_id, chain_id) NULLS NOT DISTINCT WHERE (finished_at IS NULL);
CREATE INDEX execution_keys_created_at_idx ON public.execution_keys USING btree (created_at);
CREATE INDEX files_list_idx ON public.files USING btree (workspace_id, id DESC);
CREATE INDEX files_unfinished_idx ON public.files USING btree (created_at) WHERE (completed_at IS NULL);
CREATE INDEX invitations_waiting_idx ON public.invitations USING btree (workspace_id, lower(email)) WHERE (accepted_at IS NULL);
CREATE INDEX invitations_workspace_id_idx ON public.invitations USING btree (workspace_id, id DESC);
CREATE INDEX pending_moves_cancels_idx ON public.pending_moves USING btree (turn_of, id) WHERE (move = 'cancel'::text);
CREATE INDEX rate_limits_expire_idx ON public.rate_limits USING btree (expire);
CREATE INDEX refresh_tokens_session_id_idx ON public.refresh_tokens USING btree (session_id);
CREATE INDEX schedule_fires_history_idx ON public.schedule_fires USING btree (schedule_id, id DESC);
CREATE INDEX schedule_fires_pending_idx ON public.schedule_fires USING btree (schedule_id, scheduled_for) WHERE (outcome = 'pending'::text);
CREATE INDEX schedule_fires_skipped_idx ON public.schedule_fires USING btree (schedule_id, id DESC) WHERE (outcome = 'skipped'::text);
CREATE UNIQUE INDEX schedule_fires_slot_idx ON public.schedule_fires USING btree (schedule_id, scheduled_for) WHERE (kind <> 'manual'::text);
CREATE INDEX schedule_fires_turn_idx ON public.schedule_fires USING btree (schedule_id, scheduled_for) WHERE ((outcome = 'pending'::text) AND (NOT (resting AND (kind = 'slot'::text))));
CREATE INDEX schedule_fires_workspace_id_idx ON public.schedule_fires USING btree (workspace_id);
CREATE INDEX schedule_skips_history_idx ON public.schedule_skips USING btree (schedule_id, id DESC);
CREATE INDEX schedule_skips_workspace_id_idx ON public.schedule_skips USING btree (workspace_id);
CREATE INDEX schedules_due_idx ON public.schedules USING btree (next_run_at) WHERE enabled;
CREATE INDEX schedules_list_idx ON public.schedules USING btree (workspace_id, id DESC);
CREATE INDEX sessions_user_id_idx ON public.sessions USING btree (user_id, created_at DESC);
CREATE UNIQUE INDEX users_email_key ON public.users USING btree (lower(email));
CREATE INDEX webhook_deliveries_list_idx ON public.webhook_deliveries USING btree (webhook_id, id DESC);
CREATE INDEX webhook_deliveries_received_at_idx ON public.webhook_deliveries USING btree (received_at);
CREATE UNIQUE INDEX webhook_deliveries_signature_idx ON public.webhook_deliveries USING btree (webhook_id, signature) WHERE (signature IS NOT NULL);
CREATE INDEX webhook_deliveries_workspace_id_idx ON public.webhook_deliveries USING btree (workspace_id);
CREATE INDEX webhooks_list_idx ON public.webhooks USING btree (workspace_id, id DESC);
CREATE INDEX workflow_executions_backlog_idx ON ONLY public.workflow_executions USING btree (workspace_id) WHERE (status = 'queued'::text);
CREATE INDEX workflow_executions_held_idx ON ONLY public.workflow_executions USING btree (held_by, priority DESC, id) WHERE ((status = 'queued'::text) AND (held_by IS NOT NULL));
CREATE INDEX workflow_executions_lease_idx ON ONLY public.workflow_executions USING btree (lease_until) WHERE (status = 'running'::text);
CREATE INDEX workflow_executions_legacy_idx ON ONLY public.workflow_executions USING btree (workspace_id, legacy_id) WHERE (legacy_id IS NOT NULL);
CREATE INDEX workflow_executions_list_idx ON ONLY public.workflow_executions USING btree (workspace_id, id DESC);
CREATE INDEX workflow_executions_live_children_idx ON ONLY public.workflow_executions USING btree (parent_id) WHERE ((parent_id IS NOT NULL) AND (status = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text])));
CREATE INDEX workflow_executions_parent_idx ON ONLY public.workflow_executions USING btree (parent_id) WHERE (parent_id IS NOT NULL);
CREATE INDEX workflow_executions_retry_of_idx ON ONLY public.workflow_executions USING btree (retry_of) WHERE (retry_of IS NOT NULL);
CREATE INDEX workflow_executions_running_idx ON ONLY public.workflow_executions USING btree (workspace_id, workflow_id) WHERE (status = 'running'::text);
CREATE INDEX workflow_executions_unheard_idx ON ONLY public.workflow_executions USING btree (band, rung_at) WHERE (status = 'queued'::text);
CREATE INDEX workflow_executions_waiting_idx ON ONLY public.workflow_executions USING btree (available_at) WHERE (status = 'waiting'::text);
CREATE INDEX workflow_executions_workflow_idx ON ONLY public.workflow_executions USING btree (workflow_id, id DESC);
CREATE UNIQUE INDEX workflows_legacy_id_key ON public.workflows USING btree (workspace_id, legacy_id);
CREATE INDEX workflows_list_idx ON public.workflows USING btree (workspace_id, id DESC) WHERE (archived_at IS NULL);
CREATE INDEX workspace_members_expires_at_idx ON public.workspace_members USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX workspace_members_user_id_idx ON public.workspace_members USING btree (user_id);
CREATE INDEX workspaces_deleted_idx ON public.workspaces USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX workspaces_held_idx ON public.workspaces USING btree (id) WHERE (legal_hold_at IS NOT NULL);

CREATE OR REPLACE FUNCTION public.adds_to(before jsonb, after jsonb)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (COALESCE((SELECT jsonb_agg(words.said ORDER BY words.place) AS jsonb_agg FROM jsonb_array_elements(adds_to.after) WITH ORDINALITY words(said, place) WHERE (words.place <= jsonb_array_length(adds_to.before))), '[]'::jsonb) = before)
;
CREATE OR REPLACE FUNCTION public.admin_change_user(p_id uuid, p_disabled boolean, p_is_admin boolean)
 RETURNS TABLE(outcome text, "isAdmin" boolean, disabled boolean, "endedSessions" integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  u public.users;
  new_disabled boolean;
  new_admin boolean;
  ended int := 0;
begin
  perform pg_advisory_xact_lock(hashtext('atelier'), hashtext('admins'));
  if not public.admin_is_current() then
    return query select 'forbidden', false, false, 0;
    return;
  end if;
  select * into u from public.users where id = p_id for update;
  new_disabled := coalesce(p_disabled, u.disabled_at is not null);
  new_admin := coalesce(p_is_admin, u.is_admin);
  if u.id is null then
    return query select 'not_found', false, false, 0;
  elsif u.erased_at is not null then
    return query select 'erased', u.is_admin, true, 0;
  elsif (new_disabled, new_admin) = (u.disabled_at is not null, u.is_admin) then
    return query select 'unchanged', new_admin, new_disabled, 0;
  elsif u.is_admin and u.disabled_at is null and (new_disabled or not new_admin)
    and not exists (select from public.users o where o.id <> p_id and o.is_admin and o.disabled_at is null) then
    return query select 'last_admin', true, false, 0;
  else
    update public.users x set is_admin = new_admin, updated_at = clock_timestamp(),
      disabled_at = case when new_disabled then coalesce(x.disabled_at, clock_timestamp()) end
    where x.id = p_id;
    if new_disabled then
      update public.sessions set ended_at = clock_timestamp(), end_reason = 'admin'
      where user_id = p_id and ended_at is null;
      get diagnostics ended = row_count;
    end if;
    return query select 'changed', new_admin, new_disabled, ended;
  end if;
end $function$
;
CREATE OR REPLACE FUNCTION public.admin_end_emergencies()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  update public.workspace_members m set expires_at = clock_timestamp()
  where m.user_id = new.id and m.emergency_reason is not null and m.expires_at > clock_timestamp();
  return null;
end $function$
;
CREATE OR REPLACE FUNCTION public.admin_end_sessions(p_user uuid)
 RETURNS SETOF uuid
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  update public.sessions set ended_at = clock_timestamp(), end_reason = 'admin'
  where user_id = p_user and ended_at is null and public.admin_is_current()
  returning id
$function$
;
CREATE OR REPLACE FUNCTION public.admin_forget_ended()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  with ended as (
    delete from public.workspace_members m
    where m.workspace_id = new.workspace_id and m.user_id = new.user_id and m.expires_at <= clock_timestamp()
    returning m.*
  )
  insert into public.ended_memberships (workspace_id, user_id, role, expired_at, is_emergency)
  select e.workspace_id, e.user_id, e.role, e.expires_at, e.emergency_reason is not null from ended e;
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.admin_is_current()
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (EXISTS (SELECT FROM users WHERE ((users.id = app_user_id()) AND users.is_admin AND (users.disabled_at IS NULL))))
;
CREATE OR REPLACE FUNCTION public.admin_list_api_keys(p_user uuid, p_key uuid, p_before uuid, p_limit integer)
 RETURNS TABLE(id uuid, name text, hint text, scopes text[], "workspaceId" uuid, "createdAt" timestamp with time zone, "expiresAt" timestamp with time zone, "lastUsedAt" timestamp with time zone, "revokedAt" timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select k.id, k.name, k.hint, k.scopes, k.workspace_id, k.created_at, k.expires_at, k.last_used_at, k.revoked_at
  from public.api_keys k
  where public.admin_is_current() and k.user_id = p_user and (p_key is null or k.id = p_key)
    and (p_before is null or k.id < p_before)
    and coalesce(least(k.revoked_at, k.expires_at), 'infinity') > clock_timestamp() - interval '30 days'
  order by k.id desc limit p_limit
$function$
;
CREATE OR REPLACE FUNCTION public.admin_list_users(p_id uuid, p_query text, p_before uuid, p_limit integer)
 RETURNS TABLE(id uuid, email text, name text, "isAdmin" boolean, disabled boolean, "totpEnabled" boolean, erased boolean, "createdAt" timestamp with time zone, "lastUsedAt" timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select u.id, u.email, u.name, u.is_admin, u.disabled_at is not null, u.totp_enabled_at is not null,
    u.erased_at is not null, u.created_at, greatest(
      (select max(s.last_used_at) from public.sessions s where s.user_id = u.id),
      (select max(k.last_used_at) from public.api_keys k where k.user_id = u.id))
  from public.users u
  where public.admin_is_current() and (p_id is null or u.id = p_id) and (p_before is null or u.id < p_before)
    and (p_query is null or position(lower(p_query) in lower(u.email)) > 0
      or position(lower(p_query) in lower(u.name)) > 0)
  order by u.id desc limit p_limit
$function$
;
CREATE OR REPLACE FUNCTION public.admin_reset_mfa(p_user uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  update public.users set totp_secret = null, totp_wrapped_key = null, totp_key_id = null, totp_last_step = null,
    totp_enabled_at = null, recovery_code_hashes = '{}', updated_at = clock_timestamp()
  where id = p_user and totp_secret is not null and public.admin_is_current();
  return found;
end $function$
;
CREATE OR REPLACE FUNCTION public.admin_revoke_api_keys(p_user uuid, p_key uuid)
 RETURNS SETOF uuid
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  update public.api_keys set revoked_at = clock_timestamp()
  where user_id = p_user and (p_key is null or id = p_key) and revoked_at is null
    and (expires_at is null or expires_at > clock_timestamp()) and public.admin_is_current()
  returning id
$function$
;
CREATE OR REPLACE FUNCTION public.admin_tidy_members(p_limit integer)
 RETURNS TABLE("workspaceId" uuid, "userId" uuid, role text, "expiredAt" timestamp with time zone, "isEmergency" boolean)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  with ended as (
    select m.workspace_id, m.user_id from public.workspace_members m
    where m.expires_at <= clock_timestamp() order by m.expires_at limit p_limit for update skip locked
  ),
  kept as (
    select k.id from public.ended_memberships k order by k.id
    limit p_limit - (select count(*) from ended) for update skip locked
  ),
  taken as (
    delete from public.workspace_members m using ended
    where (m.workspace_id, m.user_id) = (ended.workspace_id, ended.user_id)
    returning m.workspace_id, m.user_id, m.role, m.expires_at, m.emergency_reason is not null
  ),
  told as (
    delete from public.ended_memberships k using kept where k.id = kept.id
    returning k.workspace_id, k.user_id, k.role, k.expired_at, k.is_emergency
  )
  select * from taken union all select * from told
$function$
;
CREATE OR REPLACE FUNCTION public.app_user_id()
 RETURNS uuid
 LANGUAGE sql
 STABLE
RETURN (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid
;
CREATE OR REPLACE FUNCTION public.app_workspace_ids()
 RETURNS uuid[]
 LANGUAGE sql
 STABLE
RETURN (COALESCE(NULLIF(current_setting('app.workspace_ids'::text, true), ''::text), '{}'::text))::uuid[]
;
CREATE OR REPLACE FUNCTION public.audit_words(p_chain uuid, p_target_type text, p_text text)
 RETURNS tsvector
 LANGUAGE sql
 IMMUTABLE
RETURN array_to_tsvector(ARRAY(SELECT DISTINCT ("right"((audit_words.p_chain)::text, 6) || "left"(word.word, 64)) FROM regexp_split_to_table(lower(regexp_replace(audit_words.p_text, '([0-9a-fA-F]{8})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{12})'::text, '\1\2\3\4\5'::text, 'g'::text)), '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+'::text) word(word) WHERE (word.word <> ''::text) UNION ALL SELECT (("right"((audit_words.p_chain)::text, 6) || '_'::text) || audit_words.p_target_type)))
;
CREATE OR REPLACE FUNCTION public.await_deletions()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock(hashtext('atelier'), hashtext('legal hold'));
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.cancel_children(parent uuid, by_user uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  done int;
  ids uuid[];
begin
  perform from public.workflow_executions c
  where c.parent_id = parent and c.status in ('queued', 'running', 'waiting') and c.cancel_requested_at is null limit 1;
  if not found then
    return;
  end if;
  done := coalesce(nullif(current_setting('atelier.cancels', true), ''), '0')::int;
  ids := array(
    select c.id from public.workflow_executions c
    where c.parent_id = parent and c.status in ('queued', 'running', 'waiting') and c.cancel_requested_at is null
    order by c.id limit greatest(0, 200 - done) for no key update skip locked);
  perform set_config('atelier.cancels', (done + cardinality(ids))::text, true);
  perform public.cancel_execution(id, by_user) from unnest(ids) with ordinality as child (id, place) order by place;
  perform from public.workflow_executions c
  where c.parent_id = parent and c.status in ('queued', 'running', 'waiting') and c.cancel_requested_at is null limit 1;
  if found then
    insert into public.pending_moves (execution_id, move, asked_by) values (parent, 'cancel', by_user);
  end if;
end $function$
;
CREATE OR REPLACE FUNCTION public.cancel_execution(target uuid, by_user uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  held record;
begin
  select e.status, e.cancel_requested_at is not null as is_asked into held
  from public.workflow_executions e where e.id = target for no key update skip locked;
  if not found then
    insert into public.pending_moves (execution_id, move, asked_by)
    select e.id, 'cancel', by_user from public.workflow_executions e where e.id = target;
  elsif held.status in ('queued', 'waiting') or (held.status = 'running' and not held.is_asked) then
    perform pg_notify('atelier_executions', c.id::text) from (select target id) c
      where exists (select from public.workflow_executions e where e.id = target and e.watched);
    update public.workflow_executions e
    set status = case when e.status = 'running' then 'running' else 'cancelled' end,
      error = case when e.status = 'running' then e.error
        else jsonb_build_object('code', 'cancelled', 'message', 'Cancelled with the execution it belongs to') end,
      finished_at = case when e.status = 'running' then null else clock_timestamp() end,
      cancel_requested_at = coalesce(e.cancel_requested_at, clock_timestamp()),
      cancel_requested_by = coalesce(e.cancel_requested_by, by_user)
    where e.id = target and e.status in ('queued', 'running', 'waiting');
  elsif held.status <> 'succeeded' or held.is_asked then
    perform public.cancel_children(target, by_user);
  end if;
end $function$
;
CREATE OR REPLACE FUNCTION public.drop_empty_month(p_at timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  month timestamptz := date_trunc('month', p_at, 'UTC');
  executions text := 'workflow_executions_' || to_char(month at time zone 'UTC', 'YYYYMM');
  steps text := 'execution_steps_' || to_char(month at time zone 'UTC', 'YYYYMM');
  began timestamptz;
begin
  if month is null or month + interval '1 month' > clock_timestamp() - interval '2 days' then
    return 'young';
  end if;
  if (select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where (i.inhparent, c.relname::text) in (('public.workflow_executions'::regclass, executions),
        ('public.execution_steps'::regclass, steps))) <> 2 then
    return 'gone';
  end if;
  -- Twice, so that the second look, as the one under the lock, finds an index without dead entries.
  for look in 1..2 loop
    began := clock_timestamp();
    if not public.erase_month_is_empty(month) then
      return 'full';
    end if;
  end loop;
  if clock_timestamp() - began > interval '50 milliseconds' then
    return 'bloated';
  end if;
  perform set_config('lock_timeout', '50ms', true);
  begin
    lock table only public.workflow_executions, only public.execution_steps in access exclusive mode;
    if not public.erase_month_is_empty(month) then
      return 'full';
    end if;
    execute format('drop table public.%I', executions);
    execute format('drop table public.%I', steps);
  exception when lock_not_available or deadlock_detected then
    return 'busy';
  end;
  return 'dropped';
end $function$
;
CREATE OR REPLACE FUNCTION public.end_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  update public.approvals a
  set status = case when new.status in ('succeeded', 'failed') and a.deadline <= clock_timestamp() then 'expired'
      else 'cancelled' end,
    decided_at = clock_timestamp()
  where a.id = (old.state ->> 'approvalId')::uuid and a.status = 'pending';
  return null;
end $function$
;
CREATE OR REPLACE FUNCTION public.end_pending_fires()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  delete from public.schedule_fires where schedule_id = old.id and outcome = 'pending';
  return old;
end $function$
;
CREATE OR REPLACE FUNCTION public.ensure_partition(at timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
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
      if parent = 'workflow_executions' then
        execute format('alter table public.%I add constraint in_month check (id >= %L and id < %L)',
          part, uuid_floor(month), uuid_floor(month + interval '1 month'));
      end if;
      made := true;
    end if;
  end loop;
  return made;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_begin_person(p_erasure uuid, p_user uuid, p_email text, p_successor uuid)
 RETURNS TABLE(outcome text, hidden uuid[], shared uuid[], "memberIds" uuid[], erasure uuid, joined boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  u public.users;
  pending uuid;
  address text;
  refusal text;
  gone record;
  none uuid[] := '{}';
begin
  perform pg_advisory_xact_lock(hashtext('atelier'), hashtext('admins'));
  if not public.erase_is_admin() then
    return query select 'forbidden', none, none, none, null::uuid, false;
    return;
  end if;
  pending := public.erase_lock_pending(p_user, null);
  select * into u from public.users where id = p_user and erased_at is null for update;
  address := coalesce((select e.email from public.erasures e where e.id = pending), u.email);
  refusal := case
    when u.id is null or p_successor = p_user then 'not_found'
    when p_successor is not null and not exists (select from public.users where id = p_successor) then 'not_found'
    when p_user = public.app_user_id() then 'self'
    when lower(p_email) <> lower(address) then 'mismatch'
    when p_successor is not null
      and exists (select from public.users where id = p_successor and disabled_at is not null) then 'successor' end;
  if refusal is not null then
    return query select refusal, none, none, none, null::uuid, false;
    return;
  end if;
  select * into gone from public.erase_leave_workspaces(p_user, address, p_successor);
  if gone.orphans <> '{}' then
    return query select 'last_owner', none, gone.orphans, none, null::uuid, false;
    return;
  end if;
  update public.users set disabled_at = coalesce(disabled_at, clock_timestamp()), is_admin = false where id = p_user;
  perform public.erase_strip_person(p_user, address);
  if pending is null then
    insert into public.erasures (id, user_id, asked_by, email, name, deleted_workspaces, left_workspaces)
    values (p_erasure, p_user, public.app_user_id(), address, u.name, cardinality(gone.hidden), cardinality(gone.shared));
  else
    update public.erasures e set deleted_workspaces = e.deleted_workspaces + cardinality(gone.hidden),
      left_workspaces = e.left_workspaces + cardinality(gone.shared) where e.id = pending;
  end if;
  return query select 'begun', gone.hidden, gone.shared, gone.members || p_user, coalesce(pending, p_erasure),
    pending is not null and gone.hidden || gone.shared = '{}';
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_broken_uploads(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare n int;
begin
  delete from public.files f where f.id = any (array(select x.id from public.files x
    where x.completed_at is null and x.created_at < clock_timestamp() - interval '1 day'
      and x.workspace_id <> all ((select public.held_workspaces())::uuid[]) limit p_limit));
  get diagnostics n = row_count;
  return n;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_empty_payloads(p_ids uuid[])
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare n int;
begin
  update public.workflow_executions e set trigger = '{}', input = null, input_key_id = null, output = null,
    output_key_id = null, error = public.erase_short_error(e.error), payload_expired_at = clock_timestamp()
  where e.id = any (p_ids) and e.payload_expired_at is null;
  update public.approvals a set message = '' where a.execution_id = any (p_ids) and a.message <> '' and a.status <> 'pending';
  update public.execution_steps s set input = null, input_key_id = null, output = null, output_key_id = null, state = null,
    error = public.erase_short_error(s.error)
  where s.execution_id = any (p_ids)
    and (s.input is not null or s.output is not null or s.state is not null or s.error is not null);
  get diagnostics n = row_count;
  return n;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_expired_batch(p_workspace uuid, p_part text, p_after uuid, p_limit integer)
 RETURNS TABLE(state text, executions integer, steps integer, place uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  declare
    w public.workspaces;
    days int;
    until timestamptz;
    pass public.retention_passes;
    begin_at uuid;
    ids uuid[];
    looked int;
    found_ids int;
    left_over boolean;
    n_steps int := 0;
    n int := 0;
  begin
    -- Whoever sets a hold waits for this batch, and no batch begins after that.
    select * into w from public.workspaces x
    where x.id = p_workspace and x.deleted_at is null and x.legal_hold_at is null for share skip locked;
    days := case p_part when 'executions' then w.execution_days when 'payloads' then w.payload_days end;
    if days is null then
      return query select 'kept', 0, 0, p_after;
      return;
    end if;
    until := clock_timestamp() - make_interval(days => days);
    insert into public.retention_passes (workspace_id, part) values (p_workspace, p_part) on conflict do nothing;
    if p_after is null then
      update public.retention_passes r set began_at = clock_timestamp(), place = '00000000-0000-0000-0000-000000000000'
      where r.workspace_id = p_workspace and r.part = p_part
        and (p_part = 'executions' or r.began_at < clock_timestamp() - interval '7 days');
    end if;
    if p_part = 'payloads' then
      -- From here on nobody else writes what is being emptied.
      perform from public.retention_passes r where r.workspace_id = p_workspace and r.part = p_part for update;
    end if;
    select * into pass from public.retention_passes r where r.workspace_id = p_workspace and r.part = p_part;
    begin_at := coalesce(p_after, pass.place);
    if pass.emptying <> '{}' then
      return query select 'more', g.executions, g.steps, begin_at
      from public.erase_go_on_emptying(p_workspace, p_limit * 20) g;
      return;
    end if;

    with page as materialized (
      select e.id, e.status, e.finished_at, e.parent_id, e.payload_expired_at from public.workflow_executions e
      where e.workspace_id = p_workspace and e.id > begin_at and e.id < public.uuid_floor(until)
      order by e.id limit p_limit * 10
    ), ripe as materialized (
      select p.id from page p
      where p.status in ('succeeded', 'failed', 'cancelled') and p.finished_at < until
        and (p_part = 'executions' or p.payload_expired_at is null)
        and (p.parent_id is null or not public.erase_is_needed(p.parent_id, until))
      order by p.id limit p_limit
    ), reached as (
      select case when (select count(*) from ripe) < p_limit then (select p.id from page p order by p.id desc limit 1)
        else (select r.id from ripe r order by r.id desc limit 1) end as id
    )
    select array(select r.id from ripe r order by r.id), (select count(*) from page), r.id,
      exists (select from page p where p.id <= r.id and p.payload_expired_at is null and not exists (
        select from ripe x where x.id = p.id))
    into ids, looked, place, left_over from reached r;
    found_ids := cardinality(ids);
    place := coalesce(place, begin_at);
    state := case when looked < p_limit * 10 and found_ids < p_limit then 'done' else 'more' end;

    ids := array(select e.id from public.workflow_executions e where e.id = any (ids) order by e.id for update skip locked);
    left_over := left_over or cardinality(ids) < found_ids;
    if ids <> '{}' and public.erase_is_big(ids, p_limit * 20) then
      -- Their journals are too big for one batch. Without its whole journal none of them may be retried.
      perform public.erase_mark_expired(ids);
      state := 'more';
      if p_part = 'payloads' then
        -- They are found by this list from now on, so the place may pass them.
        update public.retention_passes r set emptying = ids, emptied_node = '', emptied_iteration = '', emptied_attempt = 0
        where r.workspace_id = p_workspace and r.part = p_part;
      else
        delete from public.execution_steps s using (
          select d.execution_id, d.node_id, d.iteration, d.attempt from public.execution_steps d
          where d.execution_id = any (ids) limit p_limit * 20) doomed
        where (s.execution_id, s.node_id, s.iteration, s.attempt)
          = (doomed.execution_id, doomed.node_id, doomed.iteration, doomed.attempt);
        get diagnostics n_steps = row_count;
        delete from public.approvals a where a.id = any (array(
          select b.id from public.approvals b where b.execution_id = any (ids) limit p_limit * 20));
        place := begin_at;
      end if;
    elsif ids <> '{}' and p_part = 'payloads' then
      n := cardinality(ids);
      n_steps := public.erase_empty_payloads(ids);
    elsif ids <> '{}' then
      delete from public.execution_steps s where s.execution_id = any (ids);
      get diagnostics n_steps = row_count;
      delete from public.approvals a where a.execution_id = any (ids);
      -- A key is made by the transaction that makes its execution, so it has its time.
      delete from public.execution_keys k using (
        select e.created_at, e.id from public.workflow_executions e where e.id = any (ids)
          and e.created_at > clock_timestamp() - interval '8 days') recent
      where k.created_at = recent.created_at and k.workspace_id = p_workspace and k.execution_id = recent.id;
      delete from public.workflow_executions e where e.id = any (ids);
      get diagnostics n = row_count;
    end if;
    update public.retention_passes r set executions = r.executions + n, steps = r.steps + n_steps,
      place = case when p_part = 'payloads' and r.place = begin_at and not left_over then erase_expired_batch.place
        else r.place end,
      first_id = case when n = 0 then r.first_id else coalesce(least(r.first_id, ids[1]), ids[1]) end,
      last_id = case when n = 0 then r.last_id else coalesce(greatest(r.last_id, ids[n]), ids[n]) end
    where r.workspace_id = p_workspace and r.part = p_part
      and (n > 0 or n_steps > 0 or p_part = 'payloads' and r.place = begin_at and not left_over
        and r.place <> erase_expired_batch.place);
    executions := n;
    steps := n_steps;
    return next;
  end $function$
;
CREATE OR REPLACE FUNCTION public.erase_go_on_emptying(p_workspace uuid, p_limit integer)
 RETURNS TABLE(executions integer, steps integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  declare
    pass public.retention_passes;
    head uuid;
    is_there boolean;
    done uuid[] := '{}';
    to_node text;
    to_iteration text;
    to_attempt int;
    looked int;
    n int;
    budget int := p_limit;
  begin
    -- The caller holds its lock: schedulers that run at once take turns.
    select * into pass from public.retention_passes r where r.workspace_id = p_workspace and r.part = 'payloads';
    steps := 0;
    while pass.emptying <> '{}' and budget > 0 loop
      head := pass.emptying[1];
      perform from public.workflow_executions e where e.id = head for update;
      is_there := found;
      update public.approvals a set message = '' where a.id = any (array(
        select b.id from public.approvals b
        where b.execution_id = head and b.message <> '' and b.status <> 'pending' limit budget));
      get diagnostics n = row_count;
      budget := budget - n;
      exit when budget = 0;
      to_node := null;
      select p.node_id, p.iteration, p.attempt, count(*) over () into to_node, to_iteration, to_attempt, looked
      from (
        select s.node_id, s.iteration, s.attempt from public.execution_steps s
        where s.execution_id = head
          and (s.node_id, s.iteration, s.attempt) > (pass.emptied_node, pass.emptied_iteration, pass.emptied_attempt)
        order by s.node_id, s.iteration, s.attempt limit budget) p
      order by p.node_id desc, p.iteration desc, p.attempt desc limit 1;
      if to_node is null then
        looked := 0;
      else
        update public.execution_steps s set input = null, input_key_id = null, output = null, output_key_id = null,
          state = null, error = public.erase_short_error(s.error)
        where s.execution_id = head
          and (s.node_id, s.iteration, s.attempt) > (pass.emptied_node, pass.emptied_iteration, pass.emptied_attempt)
          and (s.node_id, s.iteration, s.attempt) <= (to_node, to_iteration, to_attempt)
          and (s.input is not null or s.output is not null or s.state is not null or s.error is not null);
        get diagnostics n = row_count;
        steps := steps + n;
      end if;
      if looked < budget then
        done := done || case when is_there then head end;
        pass.emptying := pass.emptying[2:];
        to_node := '';
        to_iteration := '';
        to_attempt := 0;
      end if;
      pass.emptied_node := to_node;
      pass.emptied_iteration := to_iteration;
      pass.emptied_attempt := to_attempt;
      budget := budget - looked;
    end loop;
    done := array_remove(done, null);
    executions := cardinality(done);
    update public.retention_passes r set emptying = pass.emptying, emptied_node = pass.emptied_node,
      emptied_iteration = pass.emptied_iteration, emptied_attempt = pass.emptied_attempt,
      executions = r.executions + erase_go_on_emptying.executions, steps = r.steps + erase_go_on_emptying.steps,
      first_id = coalesce(least(r.first_id, done[1]), done[1]),
      last_id = coalesce(greatest(r.last_id, done[cardinality(done)]), done[cardinality(done)])
    where r.workspace_id = p_workspace and r.part = 'payloads';
    return next;
  end $function$
;
CREATE OR REPLACE FUNCTION public.erase_heir(p_workspace uuid, p_user uuid)
 RETURNS uuid
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (SELECT o.user_id FROM (workspace_members o JOIN users u ON ((u.id = o.user_id))) WHERE ((o.workspace_id = erase_heir.p_workspace) AND (o.user_id <> erase_heir.p_user) AND (o.role = 'owner'::text) AND (u.disabled_at IS NULL)) ORDER BY o.created_at, o.user_id LIMIT 1)
;
CREATE OR REPLACE FUNCTION public.erase_hide_workspace(p_workspace uuid)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare members uuid[];
begin
  update public.workspaces set deleted_at = clock_timestamp(), deleted_by = public.app_user_id(),
    deleted_xid = pg_current_xact_id()
  where id = p_workspace and deleted_at is null;
  with gone as (delete from public.workspace_members where workspace_id = p_workspace returning user_id)
  select coalesce(array_agg(user_id), '{}') into members from gone;
  update public.schedules set enabled = false where workspace_id = p_workspace and enabled;
  delete from public.credentials where workspace_id = p_workspace;
  delete from public.invitations where workspace_id = p_workspace;
  return members;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_is_admin()
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (EXISTS (SELECT FROM users WHERE ((users.id = app_user_id()) AND users.is_admin AND (users.disabled_at IS NULL))))
;
CREATE OR REPLACE FUNCTION public.erase_is_alone(p_workspace workspaces, p_user uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (((p_workspace).personal AND ((p_workspace).created_by = p_user)) OR (NOT (EXISTS (SELECT FROM workspace_members o WHERE ((o.workspace_id = (erase_is_alone.p_workspace).id) AND (o.user_id <> erase_is_alone.p_user))))))
;
CREATE OR REPLACE FUNCTION public.erase_is_big(p_ids uuid[], p_limit integer)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (((SELECT count(*) AS count FROM (SELECT FROM execution_steps s WHERE (s.execution_id = ANY (erase_is_big.p_ids)) LIMIT (erase_is_big.p_limit + 1)) steps) > p_limit) OR ((SELECT count(*) AS count FROM (SELECT FROM approvals a WHERE (a.execution_id = ANY (erase_is_big.p_ids)) LIMIT (erase_is_big.p_limit + 1)) approvals) > p_limit))
;
CREATE OR REPLACE FUNCTION public.erase_is_needed(p_parent uuid, p_until timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
BEGIN ATOMIC
 WITH RECURSIVE above AS (
          SELECT e.parent_id,
             e.finished_at
            FROM workflow_executions e
           WHERE (e.id = erase_is_needed.p_parent)
         UNION ALL
          SELECT e.parent_id,
             e.finished_at
            FROM (above a
              JOIN workflow_executions e ON ((e.id = a.parent_id)))
         )
  SELECT (EXISTS ( SELECT
            FROM above
           WHERE ((above.finished_at IS NULL) OR (above.finished_at >= erase_is_needed.p_until)))) AS "exists";
END
;
CREATE OR REPLACE FUNCTION public.erase_keeps_out()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if exists (select from public.erasures e
    where e.user_id = new.id and e.chain_id is null and e.finished_at is null) then
    raise exception 'this person is being erased' using errcode = 'ZA003';
  end if;
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_leave_workspaces(p_user uuid, p_email text, p_successor uuid)
 RETURNS TABLE(orphans uuid[], hidden uuid[], shared uuid[], members uuid[])
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  w public.workspaces;
  heir uuid;
begin
  hidden := '{}';
  shared := '{}';
  members := '{}';
  -- In their order, and before anybody looks for heirs: an owner who is leaving holds this lock.
  perform from public.workspaces x where x.deleted_at is null and (x.personal and x.created_by = p_user
    or exists (select from public.workspace_members m where m.workspace_id = x.id and m.user_id = p_user))
    order by x.id for no key update;
  orphans := array(select x.id from public.workspaces x
    join public.workspace_members m on m.workspace_id = x.id and m.user_id = p_user
    where x.deleted_at is null and p_successor is null and not public.erase_is_alone(x, p_user)
      and public.erase_heir(x.id, p_user) is null);
  if orphans = '{}' then
    for w in select x.* from public.workspaces x where x.deleted_at is null and (x.personal and x.created_by = p_user
      or exists (select from public.workspace_members m where m.workspace_id = x.id and m.user_id = p_user))
      order by x.id loop
      if public.erase_is_alone(w, p_user) then
        members := members || public.erase_hide_workspace(w.id);
        hidden := hidden || w.id;
      else
        heir := coalesce(public.erase_heir(w.id, p_user), p_successor);
        insert into public.workspace_members (workspace_id, user_id, role) values (w.id, heir, 'owner')
        on conflict (workspace_id, user_id) do update set role = 'owner';
        perform public.erase_move_ownership(w.id, p_user, heir);
        delete from public.workspace_members where workspace_id = w.id and user_id = p_user;
        update public.approvals set approvers = array_replace(approvers, p_email, 'erased-' || p_user || '@invalid')
        where workspace_id = w.id and p_email = any (approvers);
        shared := shared || w.id;
        members := members || heir;
      end if;
    end loop;
  end if;
  return next;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_list_pending()
 RETURNS TABLE(id uuid, "userId" uuid, "chainId" uuid, "ageSeconds" double precision, failures integer, due boolean)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select e.id, e.user_id, e.chain_id, extract(epoch from clock_timestamp() - e.begun_at)::double precision,
    e.failures, e.due_at <= clock_timestamp()
  from public.erasures e where e.finished_at is null order by e.due_at limit 100
$function$
;
CREATE OR REPLACE FUNCTION public.erase_list_workspaces()
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select id from public.workspaces where deleted_at is not null order by deleted_at limit 100
$function$
;
CREATE OR REPLACE FUNCTION public.erase_lock_heads(p_chain uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET lock_timeout TO '2s'
AS $function$
begin
  if p_chain is null then
    lock table public.audit_heads in share row exclusive mode;
  else
    perform from public.audit_heads where chain_id = p_chain for no key update;
  end if;
  return true;
exception when lock_not_available then
  return false;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_lock_pending(p_user uuid, p_chain uuid)
 RETURNS uuid
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select id from public.erasures
  where user_id = p_user and chain_id is not distinct from p_chain and finished_at is null for update
$function$
;
CREATE OR REPLACE FUNCTION public.erase_look(e erasures, p_limit integer)
 RETURNS TABLE(looked bigint, erased jsonb)
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_seqscan TO 'off'
AS $function$
  with person as materialized (
    select public.erase_pattern((e).email) as by_email,
      case when trim((e).name) <> '' then public.erase_pattern(trim((e).name)) end as by_name
  ), behind as (
    select h.chain_id, coalesce(p.seq, 0) as seq, h.seq - coalesce(p.seq, 0) as entries,
      sum(h.seq - coalesce(p.seq, 0)) over (order by h.chain_id) - (h.seq - coalesce(p.seq, 0)) as before
    from public.audit_heads h
    left join public.erasure_places p on p.erasure_id = (e).id and p.chain_id = h.chain_id
    where ((e).chain_id is null or h.chain_id = (e).chain_id) and h.seq > coalesce(p.seq, 0)
  ), share as materialized (
    select chain_id, seq, seq + least(entries, p_limit - before)::bigint as upto from behind where before < p_limit
  ), page as materialized (
    select a.place
    from person, share cross join lateral (
      select l.ctid as place, l.* from public.audit_logs l
      where l.chain_id = share.chain_id and l.seq > share.seq and l.seq <= share.upto
      order by l.seq limit p_limit) a
    where a.details is not null and a.action <> 'audit.details_erased'
      and (lower(a.details::text) ~ person.by_email
        or ((a.actor_id = (e).user_id or a.target_id = (e).user_id::text)
          and lower(a.details::text) ~ person.by_name))
  ), emptied as (
    update public.audit_logs a set details = null where a.ctid = any (array(select place from page))
    returning a.chain_id, a.id
  ), per_chain as (
    select chain_id, jsonb_agg(id order by id) as ids from emptied group by chain_id
  ), placed as (
    insert into public.erasure_places (erasure_id, chain_id, seq) select (e).id, chain_id, upto from share
    on conflict (erasure_id, chain_id) do update set seq = excluded.seq
  )
  select (select coalesce(sum(upto - seq), 0)::bigint from share),
    coalesce((select jsonb_object_agg(chain_id, ids) from per_chain), '{}')
$function$
;
CREATE OR REPLACE FUNCTION public.erase_mark_expired(p_ids uuid[])
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
BEGIN ATOMIC
 UPDATE workflow_executions e SET trigger = '{}'::jsonb, input = NULL::jsonb, input_key_id = NULL::text, output = NULL::jsonb, output_key_id = NULL::text, error = erase_short_error(e.error), payload_expired_at = clock_timestamp()
   WHERE ((e.id = ANY (erase_mark_expired.p_ids)) AND (e.payload_expired_at IS NULL));
END
;
CREATE OR REPLACE FUNCTION public.erase_mark_workspace(p_workspace uuid, p_name text)
 RETURNS TABLE(outcome text, "memberIds" uuid[])
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare w public.workspaces;
begin
  select * into w from public.workspaces where id = p_workspace and deleted_at is null for update;
  if not found or not exists (select from public.workspace_members m
    where m.workspace_id = p_workspace and m.user_id = public.app_user_id() and m.role = 'owner') then
    return query select 'not_found', '{}'::uuid[];
  elsif w.personal then
    return query select 'personal', '{}'::uuid[];
  elsif w.name <> p_name then
    return query select 'mismatch', '{}'::uuid[];
  else
    return query select 'deleted', public.erase_hide_workspace(p_workspace);
  end if;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_member(p_erasure uuid, p_workspace uuid, p_user uuid, p_email text)
 RETURNS TABLE(outcome text, moved integer, erasure uuid, joined boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  u public.users;
  w public.workspaces;
  pending uuid;
  was_member boolean;
  n int;
begin
  select * into w from public.workspaces where id = p_workspace for no key update;
  -- A statement of its own: who waited for the lock may have been erased or disabled meanwhile.
  if not public.erase_owns_workspace(p_workspace)
    or not exists (select from public.users where id = public.app_user_id() and disabled_at is null) then
    return query select 'not_found', 0, null::uuid, false;
    return;
  end if;
  select * into u from public.users where id = p_user and erased_at is null;
  if not found or not (
    exists (select from public.workspace_members m where m.workspace_id = p_workspace and m.user_id = p_user)
    or exists (select from public.audit_logs a where a.chain_id = p_workspace and a.actor_id = p_user)
    or exists (select from public.audit_logs a where a.chain_id = p_workspace and a.target_id = p_user::text)) then
    return query select 'not_found', 0, null::uuid, false;
  elsif p_user = public.app_user_id() then
    return query select 'self', 0, null::uuid, false;
  elsif lower(u.email) <> lower(p_email) then
    return query select 'mismatch', 0, null::uuid, false;
  elsif w.personal and w.created_by = p_user then
    return query select 'personal', 0, null::uuid, false;
  else
    delete from public.workspace_members m where m.workspace_id = p_workspace and m.user_id = p_user;
    was_member := found;
    delete from public.api_keys k where k.workspace_id = p_workspace and k.user_id = p_user;
    delete from public.invitations i where i.workspace_id = p_workspace
      and (lower(i.email) = lower(u.email) or i.accepted_by = p_user);
    update public.approvals set approvers = array_replace(approvers, u.email, 'erased-' || p_user || '@invalid')
    where workspace_id = p_workspace and u.email = any (approvers);
    n := public.erase_move_ownership(p_workspace, p_user, public.app_user_id());
    pending := public.erase_lock_pending(p_user, p_workspace);
    if pending is null then
      insert into public.erasures (id, user_id, chain_id, asked_by, email, name, moved_items)
      values (p_erasure, p_user, p_workspace, public.app_user_id(), u.email, u.name, n);
    else
      update public.erasures e set moved_items = e.moved_items + n, older_transactions = null where e.id = pending;
    end if;
    return query select 'erased', n, coalesce(pending, p_erasure), pending is not null and not was_member and n = 0;
  end if;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_month_is_empty(p_month timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  low uuid := public.uuid_floor(p_month);
  high uuid := public.uuid_floor(p_month + interval '1 month');
begin
  perform set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_partition_pruning', 'on', true);
  return not exists (select from public.workflow_executions e where e.id >= low and e.id < high)
    and not exists (select from public.execution_steps s where s.execution_id >= low and s.execution_id < high);
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_move_ownership(p_workspace uuid, p_from uuid, p_to uuid)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  table_name text;
  moved int := 0;
  n int;
begin
  foreach table_name in array array['workflows', 'credentials', 'schedules', 'webhooks', 'files'] loop
    execute format('update public.%I set owner_id = $3 where workspace_id = $1 and owner_id = $2', table_name)
      using p_workspace, p_from, p_to;
    get diagnostics n = row_count;
    moved := moved + n;
  end loop;
  return moved;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_note_failure(p_erasure uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  update public.erasures set failures = failures + 1,
    due_at = clock_timestamp() + least(300, 2 ^ least(failures, 10)) * interval '1 second'
  where id = p_erasure and finished_at is null
$function$
;
CREATE OR REPLACE FUNCTION public.erase_owns_workspace(p_workspace uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (EXISTS (SELECT FROM (workspace_members m JOIN workspaces w ON ((w.id = m.workspace_id))) WHERE ((m.workspace_id = erase_owns_workspace.p_workspace) AND (m.user_id = app_user_id()) AND (m.role = 'owner'::text) AND (w.deleted_at IS NULL))))
;
CREATE OR REPLACE FUNCTION public.erase_pattern(p_text text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (('(^|[^[:alnum:]._%+-])'::text || regexp_replace(substr((to_jsonb(lower(p_text)))::text, 2, (length((to_jsonb(lower(p_text)))::text) - 2)), '([^[:alnum:]])'::text, '\\\1'::text, 'g'::text)) || '($|[^[:alnum:]_-])'::text)
;
CREATE OR REPLACE FUNCTION public.erase_requires_entry()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare chain uuid;
begin
  if tg_table_name = 'audit_logs' then
    chain := new.chain_id;
  elsif tg_table_name = 'workspaces' then
    chain := new.id;
  else
    chain := '00000000-0000-0000-0000-000000000000';
  end if;
  if not exists (select from public.audit_logs a
    where a.chain_id = chain and a.action = tg_argv[0] and a.xmin = pg_current_xact_id()::xid) then
    raise exception 'erasure without the audit entry %', tg_argv[0] using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_respects_hold()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  declare is_held boolean;
  begin
    if tg_table_name = 'erasures' then
      -- A person is named by workspaces that the erasure locks nowhere. Looked for by a statement of its own, which sees
      -- what was committed during the wait; the lock comes after those of rows, as in the transaction that sets a hold.
      perform pg_advisory_xact_lock_shared(hashtext('atelier'), hashtext('legal hold'));
      is_held := exists (select from public.workspaces w where w.legal_hold_at is not null
        and (new.chain_id is null or w.id = new.chain_id)
        and (w.created_by = new.user_id
          or exists (select from public.workspace_members m where m.workspace_id = w.id and m.user_id = new.user_id)
          or exists (select from public.audit_logs a where a.chain_id = w.id and a.actor_id = new.user_id)
          or exists (select from public.audit_logs a where a.chain_id = w.id and a.target_id = new.user_id::text)));
    elsif tg_table_name = 'workspaces' then
      is_held := old.legal_hold_at is not null;
    else
      select w.legal_hold_at is not null into is_held from public.workspaces w where w.id = old.workspace_id for share;
    end if;
    if is_held then
      raise exception 'under legal hold' using errcode = 'ZA004';
    end if;
    if tg_op = 'DELETE' then
      return old;
    end if;
    return new;
  end $function$
;
CREATE OR REPLACE FUNCTION public.erase_short_error(p_error jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN CASE WHEN (p_error IS NOT NULL) THEN jsonb_strip_nulls(jsonb_build_object('code', (p_error -> 'code'::text), 'nodeId', (p_error -> 'nodeId'::text), 'message', 'Expired')) ELSE NULL::jsonb END
;
CREATE OR REPLACE FUNCTION public.erase_step(p_erasure uuid, p_limit integer, p_hold_ms integer)
 RETURNS TABLE(step text, "userId" uuid, "chainId" uuid, "askedBy" uuid, erased jsonb, hidden uuid[], shared uuid[], "memberIds" uuid[], "movedItems" integer, "deletedWorkspaces" integer, "leftWorkspaces" integer, "erasedEntries" integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  e public.erasures;
  seen record;
  last_look record;
  gone record;
begin
  erased := '{}';
  hidden := '{}';
  shared := '{}';
  "memberIds" := '{}';
  select * into e from public.erasures x where x.id = p_erasure and x.finished_at is null for update skip locked;
  if not found then
    select * into e from public.erasures x where x.id = p_erasure;
    step := case when e.finished_at is null then 'busy' else 'finished' end;
  -- The last look of one holds heads when it comes to the entries, a step of another holds entries when it comes to the
  -- heads: one at a time. Nobody waits for their turn, because whoever waits holds a connection of the interface.
  elsif not pg_try_advisory_xact_lock(hashtext('atelier'), hashtext('erasures')) then
    step := 'busy';
  else
    select * into seen from public.erase_look(e, p_limit);
    erased := seen.erased;
    if seen.looked >= p_limit then
      step := 'read';
    elsif e.chain_id is null and e.sealed_at is null then
      update public.users set email = 'erased-' || id || '@invalid', name = 'Erased person', password_hash = 'erased',
        totp_secret = null, totp_wrapped_key = null, totp_key_id = null, totp_last_step = null, totp_enabled_at = null,
        recovery_code_hashes = '{}', legacy_id = null, is_admin = false, updated_at = clock_timestamp()
      where id = e.user_id and erased_at is null;
      e.sealed_at := clock_timestamp();
      step := 'sealed';
    else
      -- A transaction holds the lock on its own number as long as it lives, also before it writes anything.
      e.older_transactions := array(select l.virtualtransaction from pg_locks l
        join pg_stat_activity s on s.pid = l.pid and s.datname = current_database() and s.usesysid is not null
        where l.locktype = 'virtualxid' and l.granted and l.pid <> pg_backend_pid()
          and (e.older_transactions is null or l.virtualtransaction = any (e.older_transactions)));
      if e.older_transactions <> '{}' then
        step := 'waiting';
      else
        if e.chain_id is null then
          -- What those transactions brought in. Nobody is named to inherit now: orphans stay the nameless row's.
          select * into gone from public.erase_leave_workspaces(e.user_id, e.email, null);
          hidden := gone.hidden;
          shared := gone.shared;
          "memberIds" := gone.members || e.user_id;
          e.deleted_workspaces := e.deleted_workspaces + cardinality(hidden);
          e.left_workspaces := e.left_workspaces + cardinality(shared);
          perform public.erase_strip_person(e.user_id, e.email);
          update public.users set is_admin = false, disabled_at = coalesce(disabled_at, clock_timestamp())
          where id = e.user_id;
        end if;
        if public.erase_lock_heads(e.chain_id) then
          select * into last_look from public.erase_look(e, p_limit);
          erased := (select coalesce(jsonb_object_agg(k.key, coalesce(seen.erased -> k.key, '[]')
            || coalesce(last_look.erased -> k.key, '[]')), '{}')
            from jsonb_object_keys(seen.erased || last_look.erased) as k (key));
          step := case when last_look.looked >= p_limit then 'read' else 'done' end;
        else
          step := 'waiting';
        end if;
      end if;
    end if;
    e.erased_entries := e.erased_entries
      + (select count(*) from jsonb_each(erased) as c, jsonb_array_elements(c.value))::int;
    if step = 'done' then
      e.email := null;
      e.name := null;
      e.finished_at := clock_timestamp();
      delete from public.erasure_places where erasure_id = e.id;
      if e.chain_id is null then
        update public.users set erased_at = clock_timestamp() where id = e.user_id;
      end if;
    end if;
    update public.erasures x set email = e.email, name = e.name, sealed_at = e.sealed_at,
      older_transactions = e.older_transactions, erased_entries = e.erased_entries, finished_at = e.finished_at,
      deleted_workspaces = e.deleted_workspaces, left_workspaces = e.left_workspaces, failures = 0,
      due_at = clock_timestamp() + p_hold_ms * interval '1 millisecond'
    where x.id = e.id;
  end if;
  "userId" := e.user_id;
  "chainId" := e.chain_id;
  "askedBy" := e.asked_by;
  "movedItems" := e.moved_items;
  "deletedWorkspaces" := e.deleted_workspaces;
  "leftWorkspaces" := e.left_workspaces;
  "erasedEntries" := e.erased_entries;
  return next;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_strip_person(p_user uuid, p_email text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  delete from public.sessions where user_id = p_user;
  delete from public.reset_tokens where user_id = p_user;
  delete from public.api_keys where user_id = p_user;
  delete from public.invitations where lower(email) = lower(p_email) or accepted_by = p_user;
end $function$
;
CREATE OR REPLACE FUNCTION public.erase_tables()
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
RETURN ARRAY['execution_keys'::text, 'approvals'::text, 'webhook_deliveries'::text, 'webhooks'::text, 'schedule_fires'::text, 'schedule_skips'::text, 'schedules'::text, 'file_chunks'::text, 'files'::text, 'credentials'::text, 'workflow_versions'::text, 'workflows'::text, 'api_keys'::text, 'invitations'::text, 'ended_memberships'::text, 'retention_passes'::text, 'workspace_members'::text]
;
CREATE OR REPLACE FUNCTION public.erase_workspace_batch(p_workspace uuid, p_limit integer)
 RETURNS TABLE(step text, rows integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  marked_by xid8;
  ids uuid[];
  table_name text;
  n int;
begin
  select w.deleted_xid into marked_by from public.workspaces w
  where w.id = p_workspace and w.deleted_at is not null for update skip locked;
  if not found then
    return query select 'gone', 0;
    return;
  end if;
  with live as (
    select e.id, e.status from public.workflow_executions e
    where e.workspace_id = p_workspace and (e.status in ('queued', 'waiting')
      or (e.status = 'running' and e.cancel_requested_at is null))
    order by e.id limit p_limit for no key update skip locked
  )
  update public.workflow_executions e
  set status = case live.status when 'running' then 'running' else 'cancelled' end,
    error = case live.status when 'running' then e.error
      else jsonb_build_object('code', 'cancelled', 'message', 'The workspace was deleted') end,
    finished_at = case live.status when 'running' then null else clock_timestamp() end,
    cancel_requested_at = clock_timestamp()
  from live where e.id = live.id;
  get diagnostics n = row_count;
  if n > 0 then
    return query select 'cancelled', n;
    return;
  end if;
  ids := array(select e.id from public.workflow_executions e where e.workspace_id = p_workspace
    and e.status in ('succeeded', 'failed', 'cancelled') order by e.id limit p_limit);
  if ids <> '{}' then
    delete from public.execution_steps s using (
      select d.execution_id, d.node_id, d.iteration, d.attempt from public.execution_steps d
      where d.execution_id = any (ids) limit p_limit * 10) doomed
    where (s.execution_id, s.node_id, s.iteration, s.attempt)
      = (doomed.execution_id, doomed.node_id, doomed.iteration, doomed.attempt);
    get diagnostics n = row_count;
    if n > 0 then
      return query select 'execution_steps', n;
      return;
    end if;
    delete from public.workflow_executions e where e.id = any (ids);
    get diagnostics n = row_count;
    return query select 'workflow_executions', n;
    return;
  end if;
  if exists (select from public.workflow_executions e where e.workspace_id = p_workspace) then
    return query select 'running', 0;
    return;
  end if;
  foreach table_name in array public.erase_tables() loop
    execute format('delete from public.%I where ctid = any (array(
      select ctid from public.%I where workspace_id = $1 limit $2))', table_name, table_name)
      using p_workspace, p_limit;
    get diagnostics n = row_count;
    if n > 0 then
      return query select table_name, n;
      return;
    end if;
  end loop;
  -- A transaction that began before the deletion may still commit rows for it; a later one finds no member.
  if marked_by >= pg_snapshot_xmin(pg_current_snapshot()) then
    return query select 'waiting', 0;
    return;
  end if;
  delete from public.workspaces where id = p_workspace;
  return query select 'done', 1;
end $function$
;
CREATE OR REPLACE FUNCTION public.forget_audit_words()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.words := public.audit_words(new.chain_id, new.target_type, concat_ws(' ', new.action, new.target_type, new.target_id));
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.graph_concurrency(p_graph jsonb)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (jsonb_typeof((p_graph #> '{settings,concurrency}'::text[])) = 'number'::text) THEN (LEAST(GREATEST(ceil(((p_graph #>> '{settings,concurrency}'::text[]))::numeric), (1)::numeric), (10000)::numeric))::integer ELSE NULL::integer END
;
CREATE OR REPLACE FUNCTION public.graph_labels(p_graph jsonb)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
RETURN ARRAY(SELECT DISTINCT label.value AS label FROM jsonb_array_elements_text(CASE jsonb_typeof((graph_labels.p_graph #> '{settings,labels}'::text[])) WHEN 'array'::text THEN (graph_labels.p_graph #> '{settings,labels}'::text[]) ELSE '[]'::jsonb END) label(value) WHERE (label.value = ANY (ARRAY['phi'::text, 'privileged'::text, 'pii'::text, 'pci'::text])) ORDER BY label.value)
;
CREATE OR REPLACE FUNCTION public.guard_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  raise exception 'approval % is % and stays as it is', old.id, old.status;
end $function$
;
CREATE OR REPLACE FUNCTION public.held_workspaces()
 RETURNS uuid[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN ARRAY(SELECT workspaces.id FROM workspaces WHERE (workspaces.legal_hold_at IS NOT NULL))
;
CREATE OR REPLACE FUNCTION public.identity_accept_invitation(p_token_hash bytea)
 RETURNS TABLE(id uuid, "workspaceId" uuid, role text, "hasJoined" boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  i public.invitations;
  joined boolean := false;
begin
  perform from public.invitations x where x.token_hash = p_token_hash for update;
  select x.* into i from public.users u
  join public.invitations x on x.id = public.identity_find_invitation(p_token_hash, u.email)
  where u.id = public.app_user_id() and u.disabled_at is null;
  if not found then
    return;
  end if;
  if exists (select from public.workspace_members m where m.workspace_id = i.workspace_id
    and m.user_id = public.app_user_id() and m.emergency_reason is not null) then
    raise exception 'emergency access is open' using errcode = 'ZA003';
  end if;
  update public.invitations x set accepted_at = clock_timestamp(), accepted_by = public.app_user_id() where x.id = i.id;
  if i.workspace_id is not null then
    insert into public.workspace_members (workspace_id, user_id, role, expires_at)
    values (i.workspace_id, public.app_user_id(), i.role, i.member_expires_at) on conflict do nothing;
    joined := found;
  end if;
  return query select i.id, i.workspace_id, m.role, joined from (select) as one
    left join public.workspace_members m on m.workspace_id = i.workspace_id and m.user_id = public.app_user_id();
end $function$
;
CREATE OR REPLACE FUNCTION public.identity_end_session(p_hash bytea)
 RETURNS TABLE("sessionId" uuid, "userId" uuid)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  update public.sessions s set ended_at = clock_timestamp(), end_reason = 'logout'
  from public.refresh_tokens t
  where t.token_hash = p_hash and s.id = t.session_id and s.ended_at is null
  returning s.id, s.user_id
$function$
;
CREATE OR REPLACE FUNCTION public.identity_find_audit_words(p_chain uuid, p_words tsquery, p_actor uuid, p_action text, p_target text, p_from timestamp with time zone, p_to timestamp with time zone, p_before_at timestamp with time zone, p_before_seq bigint, p_limit integer)
 RETURNS TABLE(at timestamp with time zone, seq bigint)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  -- Materialized: the words are looked up by their own index, not tried on a walk through the whole chain.
  with found as materialized (
    select l.chain_id, l.at, l.seq, l.actor_id, l.action, l.target_id
    from public.audit_logs l where l.words @@ p_words
  )
  select f.at, f.seq from found f
  where f.chain_id = p_chain
    and (p_chain = any (public.app_workspace_ids())
      or p_chain = '00000000-0000-0000-0000-000000000000' and exists (
        select from public.users u where u.id = public.app_user_id() and u.is_admin and u.disabled_at is null))
    and (p_actor is null or f.actor_id = p_actor)
    and (p_action is null or f.action = p_action)
    and (p_target is null or f.target_id = p_target)
    and (p_from is null or f.at >= p_from)
    and (p_to is null or f.at < p_to)
    and (p_before_at is null or (f.at, f.seq) < (p_before_at, p_before_seq))
  order by f.at desc, f.seq desc
  limit p_limit
$function$
;
CREATE OR REPLACE FUNCTION public.identity_find_invitation(p_token_hash bytea, p_email text)
 RETURNS uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select i.id from public.invitations i
  join public.users u on u.id = i.invited_by and u.disabled_at is null
  where i.token_hash = p_token_hash and lower(i.email) = lower(p_email)
    and i.accepted_at is null and least(i.expires_at, i.member_expires_at) > clock_timestamp()
    and case when i.workspace_id is null then u.is_admin
      else exists (select from public.workspace_members m
        where m.workspace_id = i.workspace_id and m.user_id = i.invited_by and m.role = 'owner') end
$function$
;
CREATE OR REPLACE FUNCTION public.identity_find_login(p_email text)
 RETURNS TABLE(id uuid, email text, name text, "isAdmin" boolean, "passwordHash" text, "passwordSince" text, disabled boolean)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select u.id, u.email, u.name, u.is_admin, u.password_hash, extract(epoch from u.password_changed_at)::text,
    u.disabled_at is not null
  from public.users u where lower(u.email) = lower(p_email)
$function$
;
CREATE OR REPLACE FUNCTION public.identity_find_reset(p_hash bytea)
 RETURNS TABLE("userId" uuid, email text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select u.id, u.email from public.reset_tokens t join public.users u on u.id = t.user_id
  where t.token_hash = p_hash and t.expires_at > clock_timestamp() and u.disabled_at is null
$function$
;
CREATE OR REPLACE FUNCTION public.identity_find_webhook(p_hash bytea)
 RETURNS TABLE(id uuid, "workspaceId" uuid, "workflowId" uuid, "ownerId" uuid, enabled boolean, trigger text, type text, style text, header text, "timestampHeader" text, "keyId" text, "wrappedKey" bytea, ciphertext bytea, "previousKeyId" text, "previousWrappedKey" bytea, "previousCiphertext" bytea)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select h.id, h.workspace_id, h.workflow_id, h.owner_id, h.enabled, h.trigger_node,
    h.verify_type, h.style, h.verify_header, h.timestamp_header,
    h.secret_key_id, h.secret_wrapped_key, h.secret,
    p.previous_secret_key_id, p.previous_secret_wrapped_key, p.previous_secret
  from public.webhooks h
  join public.workflows f on f.id = h.workflow_id and f.archived_at is null
  join public.workspaces w on w.id = h.workspace_id and w.deleted_at is null
  left join public.webhooks p on p.id = h.id and p.previous_secret_until > clock_timestamp()
  where h.token_hash = p_hash
$function$
;
CREATE OR REPLACE FUNCTION public.identity_founds_workspace(p_workspace uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select exists (select from public.workspaces w where w.id = p_workspace and w.created_by = public.app_user_id())
    and not exists (select from public.workspace_members m where m.workspace_id = p_workspace)
$function$
;
CREATE OR REPLACE FUNCTION public.identity_has_users()
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
RETURN (EXISTS (SELECT FROM users))
;
CREATE OR REPLACE FUNCTION public.identity_keep_owner()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare w public.workspaces;
begin
  select * into w from public.workspaces where id = old.workspace_id for no key update;
  if w.personal and w.created_by = old.user_id then
    raise exception 'a personal workspace keeps its person as owner' using errcode = 'ZA002';
  elsif w.id is not null and not exists (select from public.workspace_members m
    join public.users u on u.id = m.user_id and u.disabled_at is null
    where m.workspace_id = old.workspace_id and m.role = 'owner') then
    raise exception 'a workspace keeps an owner' using errcode = 'ZA001';
  end if;
  return null;
end $function$
;
CREATE OR REPLACE FUNCTION public.identity_open_emergency(p_workspace uuid, p_role text, p_minutes integer, p_reason text, p_per_hour integer)
 RETURNS TABLE(outcome text, since timestamp with time zone, until timestamp with time zone, "workspaceName" text, owners text[], "retryAfterMs" integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  place public.workspaces;
  made public.workspace_members;
  opened timestamptz[];
begin
  -- Whoever takes the right to administer away in this moment would not see the membership that is to end with it.
  perform pg_advisory_xact_lock_shared(hashtext('atelier'), hashtext('admins'));
  perform pg_advisory_xact_lock(hashtext('emergency'), hashtext(public.app_user_id()::text));
  if not exists (select from public.users u
    where u.id = public.app_user_id() and u.is_admin and u.disabled_at is null) then
    return query select 'forbidden', null::timestamptz, null::timestamptz, null, null::text[], null::int;
    return;
  end if;
  select * into place from public.workspaces w where w.id = p_workspace and w.deleted_at is null for no key update;
  if not found then
    return query select 'not_found', null::timestamptz, null::timestamptz, null, null::text[], null::int;
    return;
  end if;
  opened := array(select l.at from public.audit_logs l
    where l.chain_id = '00000000-0000-0000-0000-000000000000' and l.actor_id = public.app_user_id()
      and l.action = 'emergency.opened' and l.at > clock_timestamp() - interval '1 hour'
    order by l.at desc limit p_per_hour);
  if cardinality(opened) >= p_per_hour then
    return query select 'too_many', null::timestamptz, null::timestamptz, null, null::text[],
      ceil(extract(epoch from opened[p_per_hour] + interval '1 hour' - clock_timestamp()) * 1000)::int;
    return;
  end if;
  insert into public.workspace_members as m (workspace_id, user_id, role, created_at, expires_at, emergency_reason)
  values (p_workspace, public.app_user_id(), p_role, clock_timestamp(),
    clock_timestamp() + make_interval(mins => p_minutes), p_reason)
  on conflict do nothing returning m.* into made;
  if not found then
    return query select 'member', null::timestamptz, null::timestamptz, null, null::text[], null::int;
    return;
  end if;
  return query select 'opened', made.created_at, made.expires_at, place.name, array(
    select u.email from public.workspace_members m join public.users u on u.id = m.user_id and u.disabled_at is null
    where m.workspace_id = p_workspace and m.role = 'owner' order by u.id), null::int;
end $function$
;
CREATE OR REPLACE FUNCTION public.identity_owns_workspace(p_workspace uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
  select exists (select from public.workspace_members m
    where m.workspace_id = p_workspace and m.user_id = public.app_user_id() and m.role = 'owner')
$function$
;
CREATE OR REPLACE FUNCTION public.identity_register(p_id uuid, p_email text, p_name text, p_password_hash text, p_workspace_id uuid, p_workspace_name text)
 RETURNS TABLE(id uuid, email text, name text, "isAdmin" boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock(hashtext('atelier'), hashtext('register'));
  insert into public.users as u (id, email, name, password_hash, is_admin)
  values (p_id, p_email, p_name, p_password_hash, not exists (select from public.users))
  on conflict do nothing;
  if not found then
    return;
  end if;
  insert into public.workspaces (id, name, personal, created_by) values (p_workspace_id, p_workspace_name, true, p_id);
  insert into public.workspace_members (workspace_id, user_id, role) values (p_workspace_id, p_id, 'owner');
  return query select u.id, u.email, u.name, u.is_admin from public.users u where u.id = p_id;
end $function$
;
CREATE OR REPLACE FUNCTION public.identity_rotate_refresh(p_hash bytea, p_new_hash bytea, p_idle interval)
 RETURNS TABLE(outcome text, "sessionId" uuid, "userId" uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  found_session uuid;
  s public.sessions;
  rotated timestamptz;
  user_disabled boolean;
begin
  select t.session_id into found_session from public.refresh_tokens t where t.token_hash = p_hash;
  if found_session is null then
    return query select 'refused', null::uuid, null::uuid;
    return;
  end if;
  select * into s from public.sessions where id = found_session for update;
  select t.rotated_at into rotated from public.refresh_tokens t where t.token_hash = p_hash;
  select u.disabled_at is not null into user_disabled from public.users u where u.id = s.user_id;
  if s.ended_at is not null or user_disabled
    or least(s.idle_expires_at, s.expires_at) <= clock_timestamp() then
    return query select 'refused', s.id, s.user_id;
  elsif rotated is null then
    update public.refresh_tokens set rotated_at = clock_timestamp() where token_hash = p_hash;
    insert into public.refresh_tokens (token_hash, session_id) values (p_new_hash, s.id);
    update public.sessions set last_used_at = clock_timestamp(),
      idle_expires_at = clock_timestamp() + p_idle where id = s.id;
    return query select 'rotated', s.id, s.user_id;
  elsif rotated > clock_timestamp() - interval '10 seconds' then
    return query select 'recent', s.id, s.user_id;
  else
    update public.sessions set ended_at = clock_timestamp(), end_reason = 'reuse' where id = s.id;
    return query select 'reused', s.id, s.user_id;
  end if;
end $function$
;
CREATE OR REPLACE FUNCTION public.identity_use_api_key(p_hash bytea)
 RETURNS TABLE(id uuid, "userId" uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  return query select k.id, k.user_id from public.api_keys k join public.users u on u.id = k.user_id
    where k.key_hash = p_hash and k.revoked_at is null and u.disabled_at is null
      and (k.expires_at is null or k.expires_at > clock_timestamp());
  if found then
    update public.api_keys k set last_used_at = clock_timestamp()
    where k.key_hash = p_hash and (k.last_used_at is null or k.last_used_at < clock_timestamp() - interval '1 minute');
  end if;
end $function$
;
CREATE OR REPLACE FUNCTION public.keep_heir()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.expires_at := null;
  new.emergency_reason := null;
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.label_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.labels := public.graph_labels(new.graph);
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.limit_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.concurrency := public.graph_concurrency(new.graph);
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.make_month(p_at timestamp with time zone, p_bytes bigint DEFAULT 33554432)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  month timestamptz := date_trunc('month', p_at, 'UTC');
  low uuid := public.uuid_floor(month);
  high uuid := public.uuid_floor(month + interval '1 month');
  key text;
  parent text;
  part text;
begin
  if (select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where (i.inhparent, c.relname::text) in (
        ('public.workflow_executions'::regclass, 'workflow_executions_' || to_char(month at time zone 'UTC', 'YYYYMM')),
        ('public.execution_steps'::regclass, 'execution_steps_' || to_char(month at time zone 'UTC', 'YYYYMM')))) = 2 then
    return 'there';
  end if;
  if pg_relation_size('public.workflow_executions_default') + pg_relation_size('public.execution_steps_default') > p_bytes then
    return 'full';
  end if;
  perform set_config('lock_timeout', '50ms', true);
  begin
    lock table only public.workflow_executions, only public.execution_steps,
      public.workflow_executions_default, public.execution_steps_default in access exclusive mode;
    begin
      return case when public.ensure_partition(p_at) then 'made' else 'there' end;
    exception when check_violation then
      if pg_total_relation_size('public.workflow_executions_default')
          + pg_total_relation_size('public.execution_steps_default') > p_bytes then
        return 'full';
      end if;
    end;
    foreach parent in array array['workflow_executions', 'execution_steps'] loop
      key := case parent when 'workflow_executions' then 'id' else 'execution_id' end;
      part := format('%s_%s', parent, to_char(month at time zone 'UTC', 'YYYYMM'));
      continue when to_regclass(format('public.%I', part)) is not null;
      execute format('create table public.%I (like public.%I including defaults including constraints)', part, parent);
      -- The owner of the tables sees no rows otherwise. A table that stands alone has none of the triggers of inserts, and
      -- no deletion has any.
      execute format('alter table public.%I no force row level security', parent || '_default');
      execute format('with moved as (delete from public.%I d where d.%I >= %L and d.%I < %L returning d.*)
        insert into public.%I select * from moved', parent || '_default', key, low, key, high, part);
      execute format('alter table public.%I force row level security', parent || '_default');
      execute format('alter table public.%I enable row level security, force row level security', part);
      if parent = 'workflow_executions' then
        execute format('alter table public.%I add constraint in_month check (id >= %L and id < %L)', part, low, high);
      end if;
      execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)', parent, part, low, high);
    end loop;
  exception when lock_not_available or deadlock_detected then
    return 'busy';
  end;
  return 'made';
end $function$
;
CREATE OR REPLACE FUNCTION public.pass_on_execution()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if new.parent_id is not null and new.status in ('succeeded', 'failed', 'cancelled') then
    perform public.wake_execution(new.parent_id);
  end if;
  if new.status in ('failed', 'cancelled') then
    update public.execution_steps s set status = 'cancelled', finished_at = clock_timestamp()
    where s.execution_id = new.id and s.status = 'waiting';
  end if;
  if new.status <> 'succeeded' then
    perform public.cancel_children(new.id, new.cancel_requested_by);
  end if;
  return null;
end $function$
;
CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if current_user = 'atelier_eraser' then
    if tg_table_name = 'workflow_versions' and tg_op = 'DELETE' then
      return old;
    elsif tg_table_name = 'audit_logs' and tg_op = 'UPDATE' then
      if new.details is null then
        return new;
      end if;
    elsif starts_with(tg_table_name, 'workflow_executions') and tg_op = 'UPDATE' then
      if new.payload_expired_at is not null and old.payload_expired_at is null and new.input is null
        and new.output is null and new.trigger = '{}' and new.status = old.status
        and new.finished_at is not distinct from old.finished_at
        and new.error ->> 'code' is not distinct from old.error ->> 'code' then
        return new;
      end if;
    elsif starts_with(tg_table_name, 'execution_steps') and tg_op = 'UPDATE' then
      if new.input is null and new.output is null and new.state is null and new.status = old.status
        and new.error ->> 'code' is not distinct from old.error ->> 'code' then
        return new;
      end if;
    end if;
  end if;
  raise exception '% rows of % cannot change: %', lower(tg_op), tg_table_name, tg_argv[0]
    using errcode = 'integrity_constraint_violation';
end $function$
;
CREATE OR REPLACE FUNCTION public.refuse_held_schedule()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if old.workspace_id = any (public.held_workspaces()) then
    raise exception 'under legal hold' using errcode = 'ZA004';
  end if;
  return old;
end $function$
;
CREATE OR REPLACE FUNCTION public.remember_editor()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  editor uuid := public.app_user_id();
begin
  new.editors := old.editors;
  if editor is null or editor = new.owner_id or editor = any (new.editors) then
    return new;
  end if;
  if cardinality(new.editors) >= 100 then
    raise exception 'too many editors' using errcode = 'ZA005';
  end if;
  new.editors := new.editors || editor;
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.remember_former_owner()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  new.editors := array_remove(new.editors, old.owner_id) || old.owner_id;
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.remember_people_behind()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  new.people_behind := array(
    with recursive line as (
      select o.retry_of, o.fork_of, o.parent_id, o.people_behind as found,
        o.user_id || case when o.trigger_type = 'schedule' then array[(o.trigger ->> 'startedBy')::uuid] end as own
      from unnest(array[new.retry_of, new.fork_of, new.parent_id]) as origin (id)
        join public.workflow_executions o on o.id = origin.id
      union
      select o.retry_of, o.fork_of, o.parent_id, o.people_behind,
        o.user_id || case when o.trigger_type = 'schedule' then array[(o.trigger ->> 'startedBy')::uuid] end
      from line l cross join lateral unnest(array[l.retry_of, l.fork_of, l.parent_id]) as origin (id)
        join public.workflow_executions o on o.id = origin.id
      where l.found is null
    )
    select distinct p.person from line l cross join lateral unnest(l.found || l.own) as p (person)
    where p.person is not null and p.person is distinct from new.user_id
    order by 1);
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.rest_with_schedule()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  update public.schedule_fires set resting = not new.enabled
  where schedule_id = new.id and outcome = 'pending' and resting = new.enabled;
  return null;
end $function$
;
CREATE OR REPLACE FUNCTION public.set_turn()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  new.turn_of := (select e.workspace_id from public.workflow_executions e where e.id = new.execution_id);
  return new;
end $function$
;
CREATE OR REPLACE FUNCTION public.uuid_floor(at timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE STRICT
RETURN ((lpad(to_hex((GREATEST((0)::numeric, floor((EXTRACT(epoch FROM at) * (1000)::numeric))))::bigint), 12, '0'::text) || '00000000000000000000'::text))::uuid
;
CREATE OR REPLACE FUNCTION public.wake_execution(target uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  perform from public.workflow_executions e where e.id = target for no key update skip locked;
  if found then
    update public.workflow_executions e
    set status = case when e.status = 'waiting' then 'queued' else e.status end, wake = e.wake + 1,
      available_at = case when e.status = 'waiting' then clock_timestamp() else e.available_at end,
      rung_at = case when e.status = 'waiting' then to_timestamp(0) else e.rung_at end
    where e.id = target and e.status in ('running', 'waiting');
  else
    insert into public.pending_moves (execution_id, move)
    select e.id, 'wake' from public.workflow_executions e where e.id = target;
  end if;
end $function$
;

CREATE TRIGGER approvals_guard BEFORE UPDATE ON public.approvals FOR EACH ROW WHEN ((((old.status <> 'pending'::text) AND ((new.status IS DISTINCT FROM old.status) OR (new.decisions IS DISTINCT FROM old.decisions))) OR ((new.decisions IS DISTINCT FROM old.decisions) AND (NOT adds_to(old.decisions, new.decisions))) OR ((((((((new.execution_id IS DISTINCT FROM old.execution_id) OR (new.node_id IS DISTINCT FROM old.node_id)) OR (new.iteration IS DISTINCT FROM old.iteration)) OR (new.attempt IS DISTINCT FROM old.attempt)) OR (new.quorum IS DISTINCT FROM old.quorum)) OR (new.deadline IS DISTINCT FROM old.deadline)) OR (new.excluded_user_ids IS DISTINCT FROM old.excluded_user_ids)) OR (new.salt IS DISTINCT FROM old.salt)) OR ((new.message IS DISTINCT FROM old.message) AND (NOT ((CURRENT_USER = 'atelier_eraser'::name) AND (new.message = ''::text) AND (old.status <> 'pending'::text)))) OR ((new.approvers IS DISTINCT FROM old.approvers) AND (CURRENT_USER <> 'atelier_eraser'::name)))) EXECUTE FUNCTION guard_approval();
CREATE TRIGGER audit_logs_append_only BEFORE DELETE OR UPDATE ON public.audit_logs FOR EACH ROW EXECUTE FUNCTION refuse_change('the audit log is append-only');
CREATE CONSTRAINT TRIGGER audit_logs_erasure_audited AFTER UPDATE ON public.audit_logs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION erase_requires_entry('audit.details_erased');
CREATE TRIGGER audit_logs_forget_words BEFORE UPDATE OF details ON public.audit_logs FOR EACH ROW WHEN ((old.details IS DISTINCT FROM new.details)) EXECUTE FUNCTION forget_audit_words();
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON public.audit_logs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('the audit log is append-only');
CREATE TRIGGER erasures_held BEFORE INSERT ON public.erasures FOR EACH ROW EXECUTE FUNCTION erase_respects_hold();
CREATE TRIGGER execution_steps_end_approval AFTER UPDATE ON public.execution_steps FOR EACH ROW WHEN (((old.status = 'waiting'::text) AND (new.status <> 'waiting'::text) AND (old.state ? 'approvalId'::text) AND (CURRENT_USER <> 'atelier_eraser'::name))) EXECUTE FUNCTION end_approval();
CREATE TRIGGER execution_steps_terminal BEFORE UPDATE ON public.execution_steps FOR EACH ROW WHEN ((old.status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text]))) EXECUTE FUNCTION refuse_change('a finished step is final');
CREATE TRIGGER pending_moves_turn BEFORE INSERT ON public.pending_moves FOR EACH ROW EXECUTE FUNCTION set_turn();
CREATE TRIGGER schedules_editor BEFORE UPDATE OF workflow_id, cron, run_at, timezone, start_at, end_at, trigger_node, misfire, overlap, enabled, tolerance_ms, max_lateness_ms, input ON public.schedules FOR EACH ROW WHEN ((((((((((((((old.workflow_id IS DISTINCT FROM new.workflow_id) OR (old.cron IS DISTINCT FROM new.cron)) OR (old.run_at IS DISTINCT FROM new.run_at)) OR (old.timezone IS DISTINCT FROM new.timezone)) OR (old.start_at IS DISTINCT FROM new.start_at)) OR (old.end_at IS DISTINCT FROM new.end_at)) OR (old.trigger_node IS DISTINCT FROM new.trigger_node)) OR (old.misfire IS DISTINCT FROM new.misfire)) OR (old.overlap IS DISTINCT FROM new.overlap)) OR (old.tolerance_ms IS DISTINCT FROM new.tolerance_ms)) OR (old.max_lateness_ms IS DISTINCT FROM new.max_lateness_ms)) OR (old.input IS DISTINCT FROM new.input)) OR (new.enabled AND (NOT old.enabled)))) EXECUTE FUNCTION remember_editor();
CREATE TRIGGER schedules_former_owner BEFORE UPDATE OF owner_id ON public.schedules FOR EACH ROW WHEN ((old.owner_id <> new.owner_id)) EXECUTE FUNCTION remember_former_owner();
CREATE TRIGGER schedules_held BEFORE DELETE ON public.schedules FOR EACH ROW WHEN ((CURRENT_USER = 'atelier_api'::name)) EXECUTE FUNCTION refuse_held_schedule();
CREATE TRIGGER schedules_pending_end BEFORE DELETE ON public.schedules FOR EACH ROW EXECUTE FUNCTION end_pending_fires();
CREATE TRIGGER schedules_rest AFTER UPDATE OF enabled ON public.schedules FOR EACH ROW WHEN ((old.enabled IS DISTINCT FROM new.enabled)) EXECUTE FUNCTION rest_with_schedule();
CREATE TRIGGER users_being_erased BEFORE UPDATE OF disabled_at, is_admin ON public.users FOR EACH ROW WHEN ((((new.disabled_at IS NULL) AND (old.disabled_at IS NOT NULL)) OR (new.is_admin AND (NOT old.is_admin)))) EXECUTE FUNCTION erase_keeps_out();
CREATE TRIGGER users_end_emergencies AFTER UPDATE OF is_admin, disabled_at ON public.users FOR EACH ROW WHEN ((old.is_admin AND (old.disabled_at IS NULL) AND (NOT (new.is_admin AND (new.disabled_at IS NULL))))) EXECUTE FUNCTION admin_end_emergencies();
CREATE CONSTRAINT TRIGGER users_erasure_audited AFTER UPDATE ON public.users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.erased_at IS NULL) AND (new.erased_at IS NOT NULL))) EXECUTE FUNCTION erase_requires_entry('user.erased');
CREATE TRIGGER webhooks_editor BEFORE UPDATE OF workflow_id, trigger_node, enabled, secret ON public.webhooks FOR EACH ROW WHEN (((((old.workflow_id IS DISTINCT FROM new.workflow_id) OR (old.trigger_node IS DISTINCT FROM new.trigger_node)) OR (old.secret IS DISTINCT FROM new.secret)) OR (new.enabled AND (NOT old.enabled)))) EXECUTE FUNCTION remember_editor();
CREATE TRIGGER webhooks_former_owner BEFORE UPDATE OF owner_id ON public.webhooks FOR EACH ROW WHEN ((old.owner_id <> new.owner_id)) EXECUTE FUNCTION remember_former_owner();
CREATE TRIGGER workflow_executions_pass_on AFTER UPDATE OF status, cancel_requested_at ON public.workflow_executions FOR EACH ROW WHEN ((((new.status = ANY (ARRAY['failed'::text, 'cancelled'::text])) OR ((new.status = 'succeeded'::text) AND (new.parent_id IS NOT NULL)) OR ((new.cancel_requested_at IS NOT NULL) AND (old.cancel_requested_at IS NULL))) AND (CURRENT_USER <> 'atelier_eraser'::name))) EXECUTE FUNCTION pass_on_execution();
CREATE TRIGGER workflow_executions_people BEFORE INSERT ON public.workflow_executions FOR EACH ROW WHEN (((new.people_behind IS NULL) AND ((new.retry_of IS NOT NULL) OR (new.fork_of IS NOT NULL) OR (new.parent_id IS NOT NULL)))) EXECUTE FUNCTION remember_people_behind();
CREATE TRIGGER workflow_executions_terminal BEFORE UPDATE ON public.workflow_executions FOR EACH ROW WHEN ((old.status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text]))) EXECUTE FUNCTION refuse_change('a finished execution is final, retry makes a new one');
CREATE TRIGGER workflow_versions_concurrency BEFORE INSERT ON public.workflow_versions FOR EACH ROW EXECUTE FUNCTION limit_version();
CREATE TRIGGER workflow_versions_immutable BEFORE DELETE OR UPDATE ON public.workflow_versions FOR EACH ROW EXECUTE FUNCTION refuse_change('a version is immutable, save a new one');
CREATE TRIGGER workflow_versions_labels BEFORE INSERT ON public.workflow_versions FOR EACH ROW EXECUTE FUNCTION label_version();
CREATE TRIGGER workflow_versions_no_truncate BEFORE TRUNCATE ON public.workflow_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('a version is immutable');
CREATE TRIGGER workspace_members_forget_ended BEFORE INSERT ON public.workspace_members FOR EACH ROW EXECUTE FUNCTION admin_forget_ended();
CREATE TRIGGER workspace_members_heir BEFORE UPDATE ON public.workspace_members FOR EACH ROW WHEN (((CURRENT_USER = 'atelier_eraser'::name) AND (old.role <> 'owner'::text) AND (new.role = 'owner'::text))) EXECUTE FUNCTION keep_heir();
CREATE TRIGGER workspace_members_held BEFORE DELETE ON public.workspace_members FOR EACH ROW WHEN ((CURRENT_USER = 'atelier_eraser'::name)) EXECUTE FUNCTION erase_respects_hold();
CREATE TRIGGER workspace_members_owner_changes AFTER UPDATE ON public.workspace_members FOR EACH ROW WHEN (((old.role = 'owner'::text) AND (new.role <> 'owner'::text) AND (CURRENT_USER = 'atelier_api'::name))) EXECUTE FUNCTION identity_keep_owner();
CREATE TRIGGER workspace_members_owner_leaves AFTER DELETE ON public.workspace_members FOR EACH ROW WHEN (((old.role = 'owner'::text) AND (CURRENT_USER = 'atelier_api'::name))) EXECUTE FUNCTION identity_keep_owner();
CREATE TRIGGER workspace_members_person BEFORE UPDATE ON public.workspace_members FOR EACH ROW WHEN (((old.workspace_id IS DISTINCT FROM new.workspace_id) OR (old.user_id IS DISTINCT FROM new.user_id))) EXECUTE FUNCTION refuse_change('a membership is one person''s in one workspace');
CREATE CONSTRAINT TRIGGER workspaces_deletion_audited AFTER UPDATE ON public.workspaces DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.deleted_at IS NULL) AND (new.deleted_at IS NOT NULL))) EXECUTE FUNCTION erase_requires_entry('workspace.deleted');
CREATE TRIGGER workspaces_held BEFORE UPDATE OF deleted_at ON public.workspaces FOR EACH ROW WHEN (((old.deleted_at IS NULL) AND (new.deleted_at IS NOT NULL))) EXECUTE FUNCTION erase_respects_hold();
CREATE TRIGGER workspaces_hold_waits BEFORE UPDATE OF legal_hold_at ON public.workspaces FOR EACH ROW WHEN (((old.legal_hold_at IS NULL) AND (new.legal_hold_at IS NOT NULL))) EXECUTE FUNCTION await_deletions();

alter table api_keys enable row level security, force row level security;
alter table approvals enable row level security, force row level security;
alter table audit_heads enable row level security, force row level security;
alter table audit_logs enable row level security, force row level security;
alter table credentials enable row level security, force row level security;
alter table ended_memberships enable row level security, force row level security;
alter table erasure_places enable row level security, force row level security;
alter table erasures enable row level security, force row level security;
alter table execution_keys enable row level security, force row level security;
alter table execution_steps enable row level security, force row level security;
alter table file_chunks enable row level security, force row level security;
alter table files enable row level security, force row level security;
alter table invitations enable row level security, force row level security;
alter table pending_moves enable row level security, force row level security;
alter table rate_limits enable row level security, force row level security;
alter table refresh_tokens enable row level security, force row level security;
alter table reset_tokens enable row level security, force row level security;
alter table retention_passes enable row level security, force row level security;
alter table schedule_fires enable row level security, force row level security;
alter table schedule_skips enable row level security, force row level security;
alter table schedules enable row level security, force row level security;
alter table sessions enable row level security, force row level security;
alter table timer_runs enable row level security, force row level security;
alter table users enable row level security, force row level security;
alter table webhook_deliveries enable row level security, force row level security;
alter table webhooks enable row level security, force row level security;
alter table workflow_executions enable row level security, force row level security;
alter table workflow_versions enable row level security, force row level security;
alter table workflows enable row level security, force row level security;
alter table workspace_members enable row level security, force row level security;
alter table workspaces enable row level security, force row level security;

create policy admin_reads on api_keys for select to atelier_admin
  using (true);
create policy admin_revokes on api_keys for update to atelier_admin
  using (true)
  with check (true);
create policy api_own on api_keys for all to atelier_api
  using ((user_id = ( SELECT app_user_id() AS app_user_id)))
  with check ((user_id = ( SELECT app_user_id() AS app_user_id)));
create policy backup_reads on api_keys for select to atelier_backup
  using (true);
create policy eraser_all on api_keys for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on api_keys for all to atelier_identity
  using (true)
  with check (true);
create policy scheduler_sweeps on api_keys for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_tenant on approvals for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on approvals for select to atelier_backup
  using (true);
create policy eraser_all on approvals for all to atelier_eraser
  using (true)
  with check (true);
create policy held on approvals for delete to atelier_api, atelier_eraser, atelier_scheduler
  using ((workspace_id <> ALL (( SELECT held_workspaces() AS held_workspaces)::uuid[])));
create policy scheduler_expires on approvals for all to atelier_scheduler
  using (true)
  with check (true);
create policy worker_asks on approvals for all to atelier_worker
  using (true)
  with check (true);
create policy admin_heads on audit_heads for all to atelier_admin
  using (true)
  with check (true);
create policy api_heads on audit_heads for all to atelier_api
  using (true)
  with check (true);
create policy backup_reads on audit_heads for select to atelier_backup
  using (true);
create policy engine_heads on audit_heads for all to atelier_scheduler, atelier_worker
  using (true)
  with check (true);
create policy eraser_locks on audit_heads for all to atelier_eraser
  using (true)
  with check (true);
create policy rotator_heads on audit_heads for all to atelier_rotator
  using (true)
  with check (true);
create policy admin_append on audit_logs for insert to atelier_admin
  with check (true);
create policy api_append on audit_logs for insert to atelier_api
  with check (true);
create policy api_chain on audit_logs for select to atelier_api
  using ((chain_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy api_instance_chain on audit_logs for select to atelier_api
  using (((chain_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (EXISTS ( SELECT
   FROM users u
  WHERE ((u.id = ( SELECT app_user_id() AS app_user_id)) AND u.is_admin AND (u.disabled_at IS NULL))))));
create policy backup_reads on audit_logs for select to atelier_backup
  using (true);
create policy engine_append on audit_logs for insert to atelier_scheduler, atelier_worker
  with check (true);
create policy eraser_all on audit_logs for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_find on audit_logs for select to atelier_identity
  using (true);
create policy rotator_append on audit_logs for insert to atelier_rotator
  with check (true);
create policy api_tenant on credentials for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on credentials for select to atelier_backup
  using (true);
create policy eraser_all on credentials for all to atelier_eraser
  using (true)
  with check (true);
create policy rotator_rewraps on credentials for select to atelier_rotator
  using (true);
create policy rotator_rewraps_update on credentials for update to atelier_rotator
  using (true)
  with check (true);
create policy worker_claimed on credentials for select to atelier_worker
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy admin_keeps on ended_memberships for all to atelier_admin
  using (true)
  with check (true);
create policy api_tenant on ended_memberships for select to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on ended_memberships for select to atelier_backup
  using (true);
create policy eraser_all on ended_memberships for all to atelier_eraser
  using (true)
  with check (true);
create policy backup_reads on erasure_places for select to atelier_backup
  using (true);
create policy eraser_all on erasure_places for all to atelier_eraser
  using (true)
  with check (true);
create policy backup_reads on erasures for select to atelier_backup
  using (true);
create policy eraser_all on erasures for all to atelier_eraser
  using (true)
  with check (true);
create policy api_tenant on execution_keys for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on execution_keys for select to atelier_backup
  using (true);
create policy eraser_all on execution_keys for all to atelier_eraser
  using (true)
  with check (true);
create policy scheduler_sweeps on execution_keys for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_tenant on execution_steps for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on execution_steps for select to atelier_backup
  using (true);
create policy eraser_all on execution_steps for all to atelier_eraser
  using (true)
  with check (true);
create policy held on execution_steps for delete to atelier_api, atelier_eraser, atelier_scheduler
  using ((workspace_id <> ALL (( SELECT held_workspaces() AS held_workspaces)::uuid[])));
create policy held_payload on execution_steps for update to atelier_eraser
  using ((workspace_id <> ALL (( SELECT held_workspaces() AS held_workspaces)::uuid[])));
create policy scheduler_sweeps on execution_steps for all to atelier_scheduler
  using (true)
  with check (true);
create policy worker_journals on execution_steps for all to atelier_worker
  using (true)
  with check (true);
create policy api_tenant on file_chunks for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on file_chunks for select to atelier_backup
  using (true);
create policy eraser_all on file_chunks for all to atelier_eraser
  using (true)
  with check (true);
create policy held on file_chunks for delete to atelier_api, atelier_eraser, atelier_scheduler
  using ((workspace_id <> ALL (( SELECT held_workspaces() AS held_workspaces)::uuid[])));
create policy worker_claimed on file_chunks for all to atelier_worker
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy api_tenant on files for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on files for select to atelier_backup
  using (true);
create policy eraser_all on files for all to atelier_eraser
  using (true)
  with check (true);
create policy held on files for delete to atelier_api, atelier_eraser, atelier_scheduler
  using ((workspace_id <> ALL (( SELECT held_workspaces() AS held_workspaces)::uuid[])));
create policy scheduler_sweeps on files for all to atelier_scheduler
  using (true)
  with check (true);
create policy worker_claimed on files for all to atelier_worker
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy api_admin on invitations for all to atelier_api
  using (((workspace_id IS NULL) AND (EXISTS ( SELECT
   FROM users u
  WHERE ((u.id = ( SELECT app_user_id() AS app_user_id)) AND u.is_admin)))))
  with check (((workspace_id IS NULL) AND (EXISTS ( SELECT
   FROM users u
  WHERE ((u.id = ( SELECT app_user_id() AS app_user_id)) AND u.is_admin)))));
create policy api_owner on invitations for all to atelier_api
  using (((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND identity_owns_workspace(workspace_id)))
  with check (((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND identity_owns_workspace(workspace_id)));
create policy backup_reads on invitations for select to atelier_backup
  using (true);
create policy eraser_all on invitations for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on invitations for all to atelier_identity
  using (true)
  with check (true);
create policy api_tenant on pending_moves for insert to atelier_api
  with check ((EXISTS ( SELECT
   FROM workflow_executions e
  WHERE (e.id = pending_moves.execution_id))));
create policy backup_reads on pending_moves for select to atelier_backup
  using (true);
create policy scheduler_sweeps on pending_moves for all to atelier_scheduler
  using (true)
  with check (true);
create policy worker_passes_on on pending_moves for insert to atelier_worker
  with check (true);
create policy api_count on rate_limits for all to atelier_api
  using (true)
  with check (true);
create policy backup_reads on rate_limits for select to atelier_backup
  using (true);
create policy scheduler_sweeps on rate_limits for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_own on refresh_tokens for all to atelier_api
  using ((EXISTS ( SELECT
   FROM sessions s
  WHERE (s.id = refresh_tokens.session_id))))
  with check ((EXISTS ( SELECT
   FROM sessions s
  WHERE (s.id = refresh_tokens.session_id))));
create policy backup_reads on refresh_tokens for select to atelier_backup
  using (true);
create policy eraser_all on refresh_tokens for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on refresh_tokens for all to atelier_identity
  using (true)
  with check (true);
create policy admin_all on reset_tokens for all to atelier_admin
  using (true)
  with check (true);
create policy api_reset on reset_tokens for all to atelier_api
  using (((user_id = ( SELECT app_user_id() AS app_user_id)) OR (EXISTS ( SELECT
   FROM users a
  WHERE ((a.id = ( SELECT app_user_id() AS app_user_id)) AND a.is_admin)))))
  with check ((EXISTS ( SELECT
   FROM users a
  WHERE ((a.id = ( SELECT app_user_id() AS app_user_id)) AND a.is_admin))));
create policy backup_reads on reset_tokens for select to atelier_backup
  using (true);
create policy eraser_all on reset_tokens for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on reset_tokens for all to atelier_identity
  using (true)
  with check (true);
create policy scheduler_sweeps on reset_tokens for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_tenant on retention_passes for select to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on retention_passes for select to atelier_backup
  using (true);
create policy eraser_all on retention_passes for all to atelier_eraser
  using (true)
  with check (true);
create policy scheduler_sums on retention_passes for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_tenant on schedule_fires for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on schedule_fires for select to atelier_backup
  using (true);
create policy eraser_all on schedule_fires for all to atelier_eraser
  using (true)
  with check (true);
create policy scheduler_fires on schedule_fires for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_tenant on schedule_skips for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on schedule_skips for select to atelier_backup
  using (true);
create policy eraser_all on schedule_skips for all to atelier_eraser
  using (true)
  with check (true);
create policy scheduler_fires on schedule_skips for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_tenant on schedules for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on schedules for select to atelier_backup
  using (true);
create policy eraser_all on schedules for all to atelier_eraser
  using (true)
  with check (true);
create policy held on schedules for delete to atelier_eraser, atelier_scheduler
  using ((workspace_id <> ALL (( SELECT held_workspaces() AS held_workspaces)::uuid[])));
create policy scheduler_fires on schedules for all to atelier_scheduler
  using (true)
  with check (true);
create policy admin_all on sessions for all to atelier_admin
  using (true)
  with check (true);
create policy api_own on sessions for all to atelier_api
  using ((user_id = ( SELECT app_user_id() AS app_user_id)))
  with check ((user_id = ( SELECT app_user_id() AS app_user_id)));
create policy backup_reads on sessions for select to atelier_backup
  using (true);
create policy eraser_all on sessions for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on sessions for all to atelier_identity
  using (true)
  with check (true);
create policy scheduler_sweeps on sessions for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_reads on timer_runs for select to atelier_api
  using (true);
create policy backup_reads on timer_runs for select to atelier_backup
  using (true);
create policy scheduler_tells on timer_runs for all to atelier_scheduler
  using (true)
  with check (true);
create policy admin_all on users for all to atelier_admin
  using (true)
  with check (true);
create policy api_self on users for all to atelier_api
  using (((id = ( SELECT app_user_id() AS app_user_id)) OR (EXISTS ( SELECT
   FROM workspace_members m
  WHERE ((m.user_id = users.id) AND (m.workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))))))
  with check ((id = ( SELECT app_user_id() AS app_user_id)));
create policy backup_reads on users for select to atelier_backup
  using (true);
create policy eraser_all on users for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on users for all to atelier_identity
  using (true)
  with check (true);
create policy rotator_rewraps on users for select to atelier_rotator
  using (true);
create policy rotator_rewraps_update on users for update to atelier_rotator
  using (true)
  with check (true);
create policy scheduler_reads on users for select to atelier_scheduler
  using (true);
create policy api_tenant on webhook_deliveries for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on webhook_deliveries for select to atelier_backup
  using (true);
create policy eraser_all on webhook_deliveries for all to atelier_eraser
  using (true)
  with check (true);
create policy scheduler_sweeps on webhook_deliveries for all to atelier_scheduler
  using (true)
  with check (true);
create policy api_tenant on webhooks for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on webhooks for select to atelier_backup
  using (true);
create policy eraser_all on webhooks for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on webhooks for select to atelier_identity
  using (true);
create policy rotator_rewraps on webhooks for select to atelier_rotator
  using (true);
create policy rotator_rewraps_update on webhooks for update to atelier_rotator
  using (true)
  with check (true);
create policy api_tenant on workflow_executions for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on workflow_executions for select to atelier_backup
  using (true);
create policy eraser_all on workflow_executions for all to atelier_eraser
  using (true)
  with check (true);
create policy held on workflow_executions for delete to atelier_api, atelier_eraser, atelier_scheduler
  using ((workspace_id <> ALL (( SELECT held_workspaces() AS held_workspaces)::uuid[])));
create policy held_payload on workflow_executions for update to atelier_eraser
  using ((workspace_id <> ALL (( SELECT held_workspaces() AS held_workspaces)::uuid[])));
create policy scheduler_sweeps on workflow_executions for all to atelier_scheduler
  using (true)
  with check (true);
create policy worker_runs on workflow_executions for all to atelier_worker
  using (true)
  with check (true);
create policy api_tenant on workflow_versions for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on workflow_versions for select to atelier_backup
  using (true);
create policy eraser_all on workflow_versions for all to atelier_eraser
  using (true)
  with check (true);
create policy scheduler_reads on workflow_versions for select to atelier_scheduler
  using (true);
create policy worker_reads on workflow_versions for select to atelier_worker
  using (true);
create policy api_tenant on workflows for all to atelier_api
  using ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])))
  with check ((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on workflows for select to atelier_backup
  using (true);
create policy eraser_all on workflows for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on workflows for select to atelier_identity
  using (true);
create policy scheduler_reads on workflows for select to atelier_scheduler
  using (true);
create policy worker_reads on workflows for select to atelier_worker
  using (true);
create policy admin_ends on workspace_members for update to atelier_admin
  using ((expires_at IS NOT NULL))
  with check ((expires_at IS NOT NULL));
create policy admin_reads on workspace_members for select to atelier_admin
  using (true);
create policy admin_tidies on workspace_members for delete to atelier_admin
  using ((expires_at <= clock_timestamp()));
create policy api_founder on workspace_members for insert to atelier_api
  with check (((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND (user_id = ( SELECT app_user_id() AS app_user_id)) AND (role = 'owner'::text) AND identity_founds_workspace(workspace_id)));
create policy api_leaves on workspace_members for delete to atelier_api
  using (((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND ((user_id = ( SELECT app_user_id() AS app_user_id)) OR identity_owns_workspace(workspace_id))));
create policy api_owner on workspace_members for update to atelier_api
  using (((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND identity_owns_workspace(workspace_id)))
  with check (((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND identity_owns_workspace(workspace_id)));
create policy api_tenant on workspace_members for select to atelier_api
  using (((user_id = ( SELECT app_user_id() AS app_user_id)) OR (workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[]))));
create policy backup_reads on workspace_members for select to atelier_backup
  using (true);
create policy eraser_all on workspace_members for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on workspace_members for all to atelier_identity
  using (true)
  with check (true);
create policy members_not_ended on workspace_members for all to atelier_api, atelier_eraser, atelier_identity
  using (((expires_at IS NULL) OR (expires_at > clock_timestamp())))
  with check (((expires_at IS NULL) OR (expires_at > clock_timestamp())));
create policy scheduler_reads on workspace_members for select to atelier_scheduler
  using (true);
create policy worker_claimed on workspace_members for select to atelier_worker
  using (((workspace_id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND ((expires_at IS NULL) OR (expires_at > clock_timestamp()))));
create policy api_creates on workspaces for insert to atelier_api
  with check (((id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND (created_by = ( SELECT app_user_id() AS app_user_id)) AND (NOT personal)));
create policy api_member on workspaces for select to atelier_api
  using ((EXISTS ( SELECT
   FROM workspace_members m
  WHERE ((m.workspace_id = workspaces.id) AND (m.user_id = ( SELECT app_user_id() AS app_user_id))))));
create policy api_not_deleted on workspaces for all to atelier_api
  using ((deleted_at IS NULL))
  with check ((deleted_at IS NULL));
create policy api_owner on workspaces for update to atelier_api
  using (((id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND identity_owns_workspace(id)))
  with check (((id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])) AND identity_owns_workspace(id)));
create policy api_tenant on workspaces for select to atelier_api
  using ((id = ANY (( SELECT app_workspace_ids() AS app_workspace_ids)::uuid[])));
create policy backup_reads on workspaces for select to atelier_backup
  using (true);
create policy engine_limits on workspaces for select to atelier_scheduler, atelier_worker
  using (true);
create policy eraser_all on workspaces for all to atelier_eraser
  using (true)
  with check (true);
create policy identity_all on workspaces for all to atelier_identity
  using (true)
  with check (true);

grant select on api_keys to atelier_admin;
grant delete, insert, select, update on api_keys to atelier_api;
grant select on api_keys to atelier_backup;
grant delete, select on api_keys to atelier_eraser;
grant select on api_keys to atelier_identity;
grant delete on api_keys to atelier_scheduler;
grant select, update on approvals to atelier_api;
grant select on approvals to atelier_backup;
grant delete, select on approvals to atelier_eraser;
grant select, update on approvals to atelier_scheduler;
grant insert, select, update on approvals to atelier_worker;
grant insert, select, update on audit_heads to atelier_admin;
grant insert, select, update on audit_heads to atelier_api;
grant select on audit_heads to atelier_backup;
grant select, update on audit_heads to atelier_eraser;
grant insert, select, update on audit_heads to atelier_rotator;
grant insert, select, update on audit_heads to atelier_scheduler;
grant insert, select, update on audit_heads to atelier_worker;
grant insert on audit_logs to atelier_admin;
grant insert, select on audit_logs to atelier_api;
grant select on audit_logs to atelier_backup;
grant select on audit_logs to atelier_eraser;
grant insert on audit_logs to atelier_rotator;
grant insert on audit_logs to atelier_scheduler;
grant insert on audit_logs to atelier_worker;
grant delete, insert, select, update on credentials to atelier_api;
grant select on credentials to atelier_backup;
grant delete, select on credentials to atelier_eraser;
grant select on credentials to atelier_worker;
grant delete, insert, select, update on ended_memberships to atelier_admin;
grant select on ended_memberships to atelier_api;
grant select on ended_memberships to atelier_backup;
grant delete, select on ended_memberships to atelier_eraser;
grant select on erasure_places to atelier_backup;
grant delete, insert, select, update on erasure_places to atelier_eraser;
grant select on erasures to atelier_backup;
grant insert, select, update on erasures to atelier_eraser;
grant delete, insert, select, update on execution_keys to atelier_api;
grant select on execution_keys to atelier_backup;
grant delete, select on execution_keys to atelier_eraser;
grant delete, insert, select, update on execution_keys to atelier_scheduler;
grant insert, select, update on execution_steps to atelier_api;
grant select on execution_steps to atelier_backup;
grant delete, select on execution_steps to atelier_eraser;
grant insert, select, update on execution_steps to atelier_scheduler;
grant insert, select, update on execution_steps to atelier_worker;
grant delete, insert, select, update on file_chunks to atelier_api;
grant select on file_chunks to atelier_backup;
grant delete, select on file_chunks to atelier_eraser;
grant insert, select, update on file_chunks to atelier_worker;
grant delete, insert, select, update on files to atelier_api;
grant select on files to atelier_backup;
grant delete, select on files to atelier_eraser;
grant select on files to atelier_scheduler;
grant insert, select, update on files to atelier_worker;
grant delete, insert, select, update on invitations to atelier_api;
grant select on invitations to atelier_backup;
grant delete, select on invitations to atelier_eraser;
grant select on invitations to atelier_identity;
grant insert, select on key_canaries to atelier_api;
grant select on key_canaries to atelier_backup;
grant insert, select on key_canaries to atelier_rotator;
grant insert, select on key_canaries to atelier_scheduler;
grant insert, select on key_canaries to atelier_worker;
grant insert on pending_moves to atelier_api;
grant select on pending_moves to atelier_backup;
grant delete, insert, select, update on pending_moves to atelier_scheduler;
grant insert on pending_moves to atelier_worker;
grant delete, insert, select, update on rate_limits to atelier_api;
grant select on rate_limits to atelier_backup;
grant delete on rate_limits to atelier_scheduler;
grant delete, insert, select, update on refresh_tokens to atelier_api;
grant select on refresh_tokens to atelier_backup;
grant delete, select on refresh_tokens to atelier_eraser;
grant insert, select, update on refresh_tokens to atelier_identity;
grant insert, select, update on reset_tokens to atelier_admin;
grant delete, insert, select, update on reset_tokens to atelier_api;
grant select on reset_tokens to atelier_backup;
grant delete, select on reset_tokens to atelier_eraser;
grant select on reset_tokens to atelier_identity;
grant delete on reset_tokens to atelier_scheduler;
grant select on retention_passes to atelier_api;
grant select on retention_passes to atelier_backup;
grant delete, insert, select, update on retention_passes to atelier_eraser;
grant select on retention_passes to atelier_scheduler;
grant delete, insert, select, update on schedule_fires to atelier_api;
grant select on schedule_fires to atelier_backup;
grant delete, select on schedule_fires to atelier_eraser;
grant delete, insert, select, update on schedule_fires to atelier_scheduler;
grant delete, insert, select on schedule_skips to atelier_api;
grant select on schedule_skips to atelier_backup;
grant delete, select on schedule_skips to atelier_eraser;
grant delete, insert, select on schedule_skips to atelier_scheduler;
grant delete, insert, select, update on schedules to atelier_api;
grant select on schedules to atelier_backup;
grant delete, select on schedules to atelier_eraser;
grant delete, insert, select, update on schedules to atelier_scheduler;
grant select on sessions to atelier_admin;
grant delete, insert, select, update on sessions to atelier_api;
grant select on sessions to atelier_backup;
grant delete, select on sessions to atelier_eraser;
grant insert, select, update on sessions to atelier_identity;
grant delete, select on sessions to atelier_scheduler;
grant select on timer_runs to atelier_api;
grant select on timer_runs to atelier_backup;
grant insert, select, update on timer_runs to atelier_scheduler;
grant select on users to atelier_admin;
grant select on users to atelier_api;
grant select on users to atelier_backup;
grant select on users to atelier_eraser;
grant insert, select on users to atelier_identity;
grant delete, insert, select, update on webhook_deliveries to atelier_api;
grant select on webhook_deliveries to atelier_backup;
grant delete, select on webhook_deliveries to atelier_eraser;
grant delete, insert, select, update on webhook_deliveries to atelier_scheduler;
grant delete, insert, select, update on webhooks to atelier_api;
grant select on webhooks to atelier_backup;
grant delete, select on webhooks to atelier_eraser;
grant select on webhooks to atelier_identity;
grant select on workers to atelier_api;
grant select on workers to atelier_backup;
grant delete, select, update on workers to atelier_scheduler;
grant insert, select, update on workers to atelier_worker;
grant insert, select, update on workflow_executions to atelier_api;
grant select on workflow_executions to atelier_backup;
grant delete, select on workflow_executions to atelier_eraser;
grant insert, select, update on workflow_executions to atelier_scheduler;
grant insert, select, update on workflow_executions to atelier_worker;
grant insert, select on workflow_versions to atelier_api;
grant select on workflow_versions to atelier_backup;
grant delete, select on workflow_versions to atelier_eraser;
grant select on workflow_versions to atelier_scheduler;
grant select on workflow_versions to atelier_worker;
grant delete, insert, select, update on workflows to atelier_api;
grant select on workflows to atelier_backup;
grant delete, select on workflows to atelier_eraser;
grant select on workflows to atelier_scheduler;
grant select on workflows to atelier_worker;
grant delete, select on workspace_members to atelier_admin;
grant delete, insert, select on workspace_members to atelier_api;
grant select on workspace_members to atelier_backup;
grant delete, insert, select on workspace_members to atelier_eraser;
grant insert, select on workspace_members to atelier_identity;
grant insert, select on workspaces to atelier_api;
grant select on workspaces to atelier_backup;
grant delete, select on workspaces to atelier_eraser;
grant insert, select on workspaces to atelier_identity;

grant update (revoked_at) on api_keys to atelier_admin;
grant update (last_used_at) on api_keys to atelier_identity;
grant select (id, expires_at, revoked_at) on api_keys to atelier_scheduler;
grant update (approvers, message) on approvals to atelier_eraser;
grant update (details) on audit_logs to atelier_eraser;
grant select (chain_id, seq, at, actor_id, action, target_id, words) on audit_logs to atelier_identity;
grant update (owner_id) on credentials to atelier_eraser;
grant select (id, workspace_id, type, key_id, wrapped_key) on credentials to atelier_rotator;
grant update (key_id, wrapped_key) on credentials to atelier_rotator;
grant update (input, input_key_id, output, output_key_id, error, state) on execution_steps to atelier_eraser;
grant update (owner_id) on files to atelier_eraser;
grant update (accepted_at, accepted_by) on invitations to atelier_identity;
grant select (key, expire) on rate_limits to atelier_scheduler;
grant select (user_id, expires_at) on reset_tokens to atelier_scheduler;
grant update (executions, steps, first_id, last_id) on retention_passes to atelier_scheduler;
grant update (resting) on schedule_fires to atelier_eraser;
grant update (owner_id, enabled) on schedules to atelier_eraser;
grant update (ended_at, end_reason) on sessions to atelier_admin;
grant update (is_admin, disabled_at, totp_secret, totp_key_id, totp_enabled_at, recovery_code_hashes, updated_at, totp_wrapped_key, totp_last_step) on users to atelier_admin;
grant update (name, password_hash, totp_secret, totp_key_id, totp_enabled_at, recovery_code_hashes, password_changed_at, updated_at, totp_wrapped_key, totp_last_step) on users to atelier_api;
grant update (email, name, password_hash, is_admin, disabled_at, totp_secret, totp_key_id, totp_enabled_at, recovery_code_hashes, legacy_id, updated_at, totp_wrapped_key, totp_last_step, erased_at) on users to atelier_eraser;
grant select (id, totp_key_id, totp_wrapped_key) on users to atelier_rotator;
grant update (totp_key_id, totp_wrapped_key) on users to atelier_rotator;
grant select (id, disabled_at, totp_enabled_at) on users to atelier_scheduler;
grant update (owner_id) on webhooks to atelier_eraser;
grant select (id, workspace_id, secret_key_id, previous_secret_key_id, secret_wrapped_key, previous_secret_wrapped_key) on webhooks to atelier_rotator;
grant update (secret_key_id, previous_secret_key_id, secret_wrapped_key, previous_secret_wrapped_key) on webhooks to atelier_rotator;
grant update (status, trigger, input, input_key_id, output, output_key_id, error, cancel_requested_at, cancel_requested_by, finished_at, payload_expired_at) on workflow_executions to atelier_eraser;
grant update (owner_id) on workflows to atelier_eraser;
grant select (id, workspace_id, archived_at) on workflows to atelier_identity;
grant update (expires_at) on workspace_members to atelier_admin;
grant update (workspace_id, user_id, role, expires_at) on workspace_members to atelier_api;
grant update (role) on workspace_members to atelier_eraser;
grant select (workspace_id, user_id, role, expires_at, emergency_reason) on workspace_members to atelier_scheduler;
grant select (workspace_id, user_id, role, expires_at) on workspace_members to atelier_worker;
grant update (name, settings, updated_at, require_totp, audit_reads, max_concurrency, max_queued, execution_days, payload_days, legal_hold_at, legal_hold_by, legal_hold_reason) on workspaces to atelier_api;
grant update (deleted_at, deleted_by, deleted_xid) on workspaces to atelier_eraser;
grant update (updated_at) on workspaces to atelier_identity;
grant select (id, require_totp, deleted_at, max_concurrency, max_queued, execution_days, payload_days, legal_hold_at) on workspaces to atelier_scheduler;
grant select (id, max_concurrency) on workspaces to atelier_worker;

grant execute on function adds_to(jsonb,jsonb) to public;
grant execute on function admin_change_user(uuid,boolean,boolean) to atelier_api;
grant execute on function admin_end_sessions(uuid) to atelier_api;
grant execute on function admin_list_api_keys(uuid,uuid,uuid,integer) to atelier_api;
grant execute on function admin_list_users(uuid,text,uuid,integer) to atelier_api;
grant execute on function admin_reset_mfa(uuid) to atelier_api;
grant execute on function admin_revoke_api_keys(uuid,uuid) to atelier_api;
grant execute on function admin_tidy_members(integer) to atelier_scheduler;
grant execute on function app_user_id() to public;
grant execute on function app_workspace_ids() to public;
grant execute on function audit_words(uuid,text,text) to public;
grant execute on function await_deletions() to public;
grant execute on function cancel_children(uuid,uuid) to public;
grant execute on function cancel_execution(uuid,uuid) to public;
grant execute on function drop_empty_month(timestamp with time zone) to atelier_scheduler;
grant execute on function end_approval() to public;
grant execute on function end_pending_fires() to public;
grant execute on function ensure_partition(timestamp with time zone) to atelier_api;
grant execute on function ensure_partition(timestamp with time zone) to atelier_scheduler;
grant execute on function erase_begin_person(uuid,uuid,text,uuid) to atelier_api;
grant execute on function erase_broken_uploads(integer) to atelier_scheduler;
grant execute on function erase_expired_batch(uuid,text,uuid,integer) to atelier_scheduler;
grant execute on function erase_list_pending() to atelier_scheduler;
grant execute on function erase_list_workspaces() to atelier_scheduler;
grant execute on function erase_mark_workspace(uuid,text) to atelier_api;
grant execute on function erase_member(uuid,uuid,uuid,text) to atelier_api;
grant execute on function erase_month_is_empty(timestamp with time zone) to atelier;
grant execute on function erase_note_failure(uuid) to atelier_scheduler;
grant execute on function erase_step(uuid,integer,integer) to atelier_api;
grant execute on function erase_step(uuid,integer,integer) to atelier_scheduler;
grant execute on function erase_workspace_batch(uuid,integer) to atelier_scheduler;
grant execute on function forget_audit_words() to public;
grant execute on function graph_concurrency(jsonb) to public;
grant execute on function graph_labels(jsonb) to public;
grant execute on function guard_approval() to public;
grant execute on function held_workspaces() to public;
grant execute on function identity_accept_invitation(bytea) to atelier_api;
grant execute on function identity_end_session(bytea) to atelier_api;
grant execute on function identity_find_audit_words(uuid,tsquery,uuid,text,text,timestamp with time zone,timestamp with time zone,timestamp with time zone,bigint,integer) to atelier_api;
grant execute on function identity_find_invitation(bytea,text) to atelier_api;
grant execute on function identity_find_login(text) to atelier_api;
grant execute on function identity_find_reset(bytea) to atelier_api;
grant execute on function identity_find_webhook(bytea) to atelier_api;
grant execute on function identity_founds_workspace(uuid) to atelier_api;
grant execute on function identity_has_users() to atelier_api;
grant execute on function identity_keep_owner() to atelier_api;
grant execute on function identity_open_emergency(uuid,text,integer,text,integer) to atelier_api;
grant execute on function identity_owns_workspace(uuid) to atelier_api;
grant execute on function identity_register(uuid,text,text,text,uuid,text) to atelier_api;
grant execute on function identity_rotate_refresh(bytea,bytea,interval) to atelier_api;
grant execute on function identity_use_api_key(bytea) to atelier_api;
grant execute on function keep_heir() to public;
grant execute on function label_version() to public;
grant execute on function limit_version() to public;
grant execute on function make_month(timestamp with time zone,bigint) to atelier_api;
grant execute on function make_month(timestamp with time zone,bigint) to atelier_scheduler;
grant execute on function pass_on_execution() to public;
grant execute on function refuse_change() to public;
grant execute on function refuse_held_schedule() to public;
grant execute on function remember_editor() to public;
grant execute on function remember_former_owner() to public;
grant execute on function remember_people_behind() to public;
grant execute on function rest_with_schedule() to public;
grant execute on function set_turn() to public;
grant execute on function uuid_floor(timestamp with time zone) to public;
grant execute on function wake_execution(uuid) to public;
