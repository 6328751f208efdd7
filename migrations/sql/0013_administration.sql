-- Up Migration
-- Instance administration, and the audited ways in which workspaces and people leave. Two roles that nobody logs in
-- as own the functions: atelier_admin sees people and sessions, atelier_eraser alone passes the immutability triggers.
do $$
declare role_name text;
begin
  foreach role_name in array array['atelier_admin', 'atelier_eraser'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin', role_name);
    end if;
    execute format('grant %I to current_user %s', role_name, case
      when current_setting('server_version_num')::int >= 160000 then 'with inherit false, set true' else '' end);
    execute format('grant usage on schema public to %I', role_name);
  end loop;
end $$;

alter table users add column erased_at timestamptz;
alter table workspaces add column deleted_at timestamptz, add column deleted_by uuid, add column deleted_xid xid8;
create index workspaces_deleted_idx on workspaces (deleted_at) where deleted_at is not null;

-- A deleted workspace is out of sight at once, and only the eraser can mark or remove one.
create policy api_not_deleted on workspaces as restrictive for all to atelier_api
  using (deleted_at is null) with check (deleted_at is null);
revoke delete on workspaces from atelier_api;

create policy admin_all on users for all to atelier_admin using (true) with check (true);
create policy admin_all on sessions for all to atelier_admin using (true) with check (true);
create policy admin_reads on api_keys for select to atelier_admin using (true);
grant select on users, sessions, api_keys to atelier_admin;
grant update (is_admin, disabled_at, totp_secret, totp_wrapped_key, totp_key_id, totp_last_step, totp_enabled_at,
  recovery_code_hashes, updated_at) on users to atelier_admin;
create policy admin_all on reset_tokens for all to atelier_admin using (true) with check (true);
grant select, insert, update on reset_tokens to atelier_admin;
grant update (ended_at, end_reason) on sessions to atelier_admin;
-- The command line speaks as this role, and writes down what it does.
create policy admin_append on audit_logs for insert to atelier_admin with check (true);
create policy admin_heads on audit_heads for all to atelier_admin using (true) with check (true);
grant insert on audit_logs to atelier_admin;
grant select, insert, update on audit_heads to atelier_admin;

-- What may be purged with a workspace, leaves before what they hang on; executions and their steps go before them.
create function erase_tables() returns text[] language sql immutable
  return array['execution_keys', 'approvals', 'webhook_deliveries', 'webhooks', 'schedule_fires', 'schedules',
    'file_chunks', 'files', 'credentials', 'workflow_versions', 'workflows', 'api_keys', 'invitations',
    'workspace_members'];

do $$
declare table_name text;
begin
  foreach table_name in array erase_tables() || array['workflow_executions', 'execution_steps', 'users', 'sessions',
    'refresh_tokens', 'reset_tokens', 'workspaces'] loop
    execute format('create policy eraser_all on %I for all to atelier_eraser using (true) with check (true)', table_name);
    execute format('grant select, delete on %I to atelier_eraser', table_name);
  end loop;
end $$;
revoke delete on users from atelier_eraser;
create policy eraser_all on audit_logs for all to atelier_eraser using (true) with check (true);
grant select, update (details) on audit_logs to atelier_eraser;
grant update (owner_id) on workflows, credentials, schedules, webhooks, files to atelier_eraser;
grant update (enabled) on schedules to atelier_eraser;
grant update (deleted_at, deleted_by, deleted_xid) on workspaces to atelier_eraser;
grant insert, update (role) on workspace_members to atelier_eraser;
grant update (approvers) on approvals to atelier_eraser;
grant update (status, error, finished_at, cancel_requested_at, cancel_requested_by) on workflow_executions to atelier_eraser;
grant update (email, name, password_hash, totp_secret, totp_wrapped_key, totp_key_id, totp_last_step, totp_enabled_at, recovery_code_hashes, is_admin,
  disabled_at, erased_at, legacy_id, updated_at) on users to atelier_eraser;

-- The eraser may delete versions, and may empty the details of an audit entry: the chain holds their hash only.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  if current_user = 'atelier_eraser' then
    if tg_table_name = 'workflow_versions' and tg_op = 'DELETE' then
      return old;
    elsif tg_table_name = 'audit_logs' and tg_op = 'UPDATE' then
      if new.details is null then
        return new;
      end if;
    end if;
  end if;
  raise exception '% rows of % cannot change: %', lower(tg_op), tg_table_name, tg_argv[0]
    using errcode = 'integrity_constraint_violation';
end $$;

-- At commit: the erasure stands in the log, written by the same transaction, or nothing of it happens.
create function erase_requires_entry() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public as $$
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
end $$;
create constraint trigger workspaces_deletion_audited after update on workspaces deferrable initially deferred
  for each row when (old.deleted_at is null and new.deleted_at is not null)
  execute function erase_requires_entry('workspace.deleted');
create constraint trigger audit_logs_erasure_audited after update on audit_logs deferrable initially deferred
  for each row execute function erase_requires_entry('audit.details_erased');
create constraint trigger users_erasure_audited after update on users deferrable initially deferred
  for each row when (old.erased_at is null and new.erased_at is not null)
  execute function erase_requires_entry('user.erased');

-- Administration -------------------------------------------------------------------------------------------------
create function admin_is_current() returns boolean language sql stable set search_path = pg_catalog, public
  return exists (select from public.users
    where id = public.app_user_id() and is_admin and disabled_at is null);

-- Nobody's rows for whoever is no admin. p_id: one person; p_query: a part of the e-mail or name, in any case.
create function admin_list_users(p_id uuid, p_query text, p_before uuid, p_limit int)
  returns table (id uuid, email text, name text, "isAdmin" boolean, disabled boolean, "totpEnabled" boolean,
    erased boolean, "createdAt" timestamptz, "lastUsedAt" timestamptz)
  language sql stable security definer set search_path = pg_catalog, public as $$
  select u.id, u.email, u.name, u.is_admin, u.disabled_at is not null, u.totp_enabled_at is not null,
    u.erased_at is not null, u.created_at, greatest(
      (select max(s.last_used_at) from public.sessions s where s.user_id = u.id),
      (select max(k.last_used_at) from public.api_keys k where k.user_id = u.id))
  from public.users u
  where public.admin_is_current() and (p_id is null or u.id = p_id) and (p_before is null or u.id < p_before)
    and (p_query is null or position(lower(p_query) in lower(u.email)) > 0
      or position(lower(p_query) in lower(u.name)) > 0)
  order by u.id desc limit p_limit
$$;

-- outcome: changed | unchanged | forbidden | not_found | erased | last_admin, then how the person stands. One at a time,
-- so that of fifty who would take the last admin away none does. Null leaves as it is. Disabling ends the sessions.
create function admin_change_user(p_id uuid, p_disabled boolean, p_is_admin boolean)
  returns table (outcome text, "isAdmin" boolean, disabled boolean, "endedSessions" int)
  language plpgsql security definer set search_path = pg_catalog, public as $$
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
end $$;

-- The sessions that were alive until now.
create function admin_end_sessions(p_user uuid) returns setof uuid
  language sql security definer set search_path = pg_catalog, public as $$
  update public.sessions set ended_at = clock_timestamp(), end_reason = 'admin'
  where user_id = p_user and ended_at is null and public.admin_is_current()
  returning id
$$;

-- False when there is nothing to take away.
create function admin_reset_mfa(p_user uuid) returns boolean
  language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  update public.users set totp_secret = null, totp_wrapped_key = null, totp_key_id = null, totp_last_step = null,
    totp_enabled_at = null, recovery_code_hashes = '{}', updated_at = clock_timestamp()
  where id = p_user and totp_secret is not null and public.admin_is_current();
  return found;
end $$;

-- Deletion of workspaces -----------------------------------------------------------------------------------------
-- Takes a workspace out of everybody's sight; returns who was in it. For the two functions below only.
create function erase_hide_workspace(p_workspace uuid) returns uuid[]
  language plpgsql set search_path = pg_catalog, public as $$
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
end $$;

-- outcome: deleted | not_found (or not its owner) | personal | mismatch (of the name).
create function erase_mark_workspace(p_workspace uuid, p_name text)
  returns table (outcome text, "memberIds" uuid[])
  language plpgsql security definer set search_path = pg_catalog, public as $$
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
end $$;

create function erase_list_workspaces() returns setof uuid
  language sql stable security definer set search_path = pg_catalog, public as $$
  select id from public.workspaces where deleted_at is not null order by deleted_at limit 100
$$;

-- One step of purging a deleted workspace, at most p_limit rows. step: the table something was taken from, `cancelled`,
-- `running` (executions a worker still holds), `waiting` (transactions older than the deletion), `done` or `gone`.
create function erase_workspace_batch(p_workspace uuid, p_limit int)
  returns table (step text, "rows" int)
  language plpgsql security definer set search_path = pg_catalog, public as $$
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
end $$;

-- Erasure of people ----------------------------------------------------------------------------------------------
create function erase_move_ownership(p_workspace uuid, p_from uuid, p_to uuid) returns int
  language plpgsql set search_path = pg_catalog, public as $$
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
end $$;

create function erase_owns_workspace(p_workspace uuid) returns boolean
  language sql stable set search_path = pg_catalog, public
  return exists (select from public.workspace_members m join public.workspaces w on w.id = m.workspace_id
    where m.workspace_id = p_workspace and m.user_id = public.app_user_id() and m.role = 'owner'
      and w.deleted_at is null);

-- Takes a person out of one workspace; what they own there goes to the caller, its owner. outcome: erased | not_found
-- (no owner asks, or the person never had to do with the workspace) | mismatch (of the e-mail) | self.
create function erase_member(p_workspace uuid, p_user uuid, p_email text) returns table (outcome text, moved int)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare u public.users;
begin
  if not public.erase_owns_workspace(p_workspace) then
    return query select 'not_found', 0;
    return;
  end if;
  select * into u from public.users where id = p_user and erased_at is null;
  if not found or not (
    exists (select from public.workspace_members m where m.workspace_id = p_workspace and m.user_id = p_user)
    or exists (select from public.audit_logs a where a.chain_id = p_workspace and a.actor_id = p_user)
    or exists (select from public.audit_logs a where a.chain_id = p_workspace and a.target_id = p_user::text)) then
    return query select 'not_found', 0;
  elsif p_user = public.app_user_id() then
    return query select 'self', 0;
  elsif lower(u.email) <> lower(p_email) then
    return query select 'mismatch', 0;
  else
    delete from public.workspace_members m where m.workspace_id = p_workspace and m.user_id = p_user;
    delete from public.api_keys k where k.workspace_id = p_workspace and k.user_id = p_user;
    delete from public.invitations i where i.workspace_id = p_workspace
      and (lower(i.email) = lower(u.email) or i.accepted_by = p_user);
    update public.approvals set approvers = array_replace(approvers, u.email, 'erased-' || p_user || '@invalid')
    where workspace_id = p_workspace and u.email = any (approvers);
    return query select 'erased', public.erase_move_ownership(p_workspace, p_user, public.app_user_id());
  end if;
end $$;

-- A pattern that finds the text on its own, not inside of a longer word or address.
create function erase_pattern(p_text text) returns text language sql immutable set search_path = pg_catalog, public
  return '(^|[^[:alnum:]._%+-])' || regexp_replace(
    substr(to_jsonb(lower(p_text))::text, 2, length(to_jsonb(lower(p_text))::text) - 2),
    '([^[:alnum:]])', '\\\1', 'g') || '($|[^[:alnum:]_-])';

-- Empties the details that name a person, among the p_limit entries after a place in the log: of one workspace's chain
-- for its owner, of all chains (p_workspace null) for an admin. Details name a person with their e-mail address; with
-- their name when it is of several words, or when the entry is about them or by them. null: nothing is left to look at.
create function erase_audit_details(p_user uuid, p_workspace uuid, p_chain uuid, p_seq bigint, p_limit int)
  returns table (chain uuid, seq bigint, erased jsonb)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  u public.users;
  by_email text;
  by_name text;
begin
  if not (p_workspace is null and public.erase_is_admin() or public.erase_owns_workspace(p_workspace)) then
    return;
  end if;
  select * into u from public.users where id = p_user and erased_at is null;
  if not found then
    return;
  end if;
  by_email := public.erase_pattern(u.email);
  by_name := case when trim(u.name) <> '' then public.erase_pattern(trim(u.name)) end;
  return query
  with page as materialized (
    -- A name counts in entries by or about the person only: people choose their names, and one that reads like
    -- something else in the log must not empty what others did. The lists of what was emptied stay.
    select a.chain_id, a.seq, a.details is not null and a.action <> 'audit.details_erased'
      and (lower(a.details::text) ~ by_email
        or (by_name is not null and lower(a.details::text) ~ by_name
          and (a.actor_id = p_user or a.target_id = p_user::text))) is true as names
    from public.audit_logs a
    where (a.chain_id, a.seq) > (p_chain, p_seq) and (p_workspace is null or a.chain_id = p_workspace)
    order by a.chain_id, a.seq limit p_limit
  ), emptied as (
    update public.audit_logs a set details = null from page
    where page.names and a.chain_id = page.chain_id and a.seq = page.seq
    returning a.chain_id, a.id
  ), per_chain as (
    select chain_id, jsonb_agg(id order by id) as ids from emptied group by chain_id
  ), place as (
    select page.chain_id, page.seq from page order by page.chain_id desc, page.seq desc limit 1
  )
  select place.chain_id, place.seq, coalesce((select jsonb_object_agg(chain_id, ids) from per_chain), '{}') from place;
end $$;

create function erase_is_admin() returns boolean language sql stable set search_path = pg_catalog, public
  return exists (select from public.users
    where id = public.app_user_id() and is_admin and disabled_at is null);

-- Disables a person for good, ends what they hold, gives what they own in shared workspaces to an owner there (or to
-- p_successor), hides the workspaces that are theirs alone. outcome: begun | forbidden | not_found | self | mismatch |
-- last_owner (of `workspaces`). Doing it again is harmless.
create function erase_begin_person(p_user uuid, p_email text, p_successor uuid)
  returns table (outcome text, "hidden" uuid[], "shared" uuid[], "memberIds" uuid[])
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  u public.users;
  w record;
  heir uuid;
  orphans uuid[];
  hidden_ids uuid[] := '{}';
  shared_ids uuid[] := '{}';
  members uuid[] := '{}';
  none uuid[] := '{}';
begin
  perform pg_advisory_xact_lock(hashtext('atelier'), hashtext('admins'));
  if not public.erase_is_admin() then
    return query select 'forbidden', none, none, none;
    return;
  end if;
  select * into u from public.users where id = p_user and erased_at is null for update;
  if not found or (p_successor is not null and (p_successor = p_user
    or not exists (select from public.users where id = p_successor and disabled_at is null))) then
    return query select 'not_found', none, none, none;
    return;
  elsif p_user = public.app_user_id() then
    return query select 'self', none, none, none;
    return;
  elsif lower(u.email) <> lower(p_email) then
    return query select 'mismatch', none, none, none;
    return;
  end if;
  orphans := array(select m.workspace_id from public.workspace_members m
    join public.workspaces x on x.id = m.workspace_id and not x.personal
    where m.user_id = p_user and p_successor is null
      and exists (select from public.workspace_members o where o.workspace_id = m.workspace_id and o.user_id <> p_user)
      and not exists (select from public.workspace_members o where o.workspace_id = m.workspace_id
        and o.user_id <> p_user and o.role = 'owner'));
  if orphans <> '{}' then
    return query select 'last_owner', none, orphans, none;
    return;
  end if;
  update public.users set disabled_at = coalesce(disabled_at, clock_timestamp()), is_admin = false where id = p_user;
  delete from public.sessions where user_id = p_user;
  delete from public.reset_tokens where user_id = p_user;
  delete from public.api_keys where user_id = p_user;
  delete from public.invitations where lower(email) = lower(u.email) or accepted_by = p_user;
  for w in select x.id, x.personal and x.created_by = p_user
      or not exists (select from public.workspace_members o where o.workspace_id = x.id and o.user_id <> p_user) as alone
    from public.workspaces x where x.deleted_at is null and (x.personal and x.created_by = p_user
      or exists (select from public.workspace_members m where m.workspace_id = x.id and m.user_id = p_user))
    order by x.id loop
    if w.alone then
      members := members || public.erase_hide_workspace(w.id);
      hidden_ids := hidden_ids || w.id;
    else
      heir := coalesce(
        (select o.user_id from public.workspace_members o where o.workspace_id = w.id and o.user_id <> p_user
          and o.role = 'owner' order by o.created_at, o.user_id limit 1), p_successor);
      insert into public.workspace_members (workspace_id, user_id, role) values (w.id, heir, 'owner')
      on conflict (workspace_id, user_id) do update set role = 'owner';
      perform public.erase_move_ownership(w.id, p_user, heir);
      delete from public.workspace_members where workspace_id = w.id and user_id = p_user;
      update public.approvals set approvers = array_replace(approvers, u.email, 'erased-' || p_user || '@invalid')
      where workspace_id = w.id and u.email = any (approvers);
      shared_ids := shared_ids || w.id;
      members := members || heir;
    end if;
  end loop;
  return query select 'begun', hidden_ids, shared_ids, members || p_user;
end $$;

-- The row stays, without the person. False when there is nobody to erase or no admin asks.
create function erase_finish_person(p_user uuid) returns boolean
  language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  update public.users set email = 'erased-' || id || '@invalid', name = 'Erased person', password_hash = 'erased',
    totp_secret = null, totp_wrapped_key = null, totp_key_id = null, totp_last_step = null, totp_enabled_at = null,
    recovery_code_hashes = '{}', legacy_id = null,
    is_admin = false, erased_at = clock_timestamp(), updated_at = clock_timestamp()
  where id = p_user and erased_at is null and disabled_at is not null and public.erase_is_admin();
  return found;
end $$;

do $$
declare
  fn record;
  caller text;
begin
  grant create on schema public to atelier_admin, atelier_eraser;
  for fn in select p.oid::regprocedure as signature, p.proname as name, p.prosecdef as definer from pg_proc p
    where p.pronamespace = 'public'::regnamespace and (p.proname like 'admin\_%' or p.proname like 'erase\_%') loop
    execute format('revoke execute on function %s from public', fn.signature);
    caller := case
      when not fn.definer or fn.name = 'erase_requires_entry' then null
      when fn.name in ('erase_list_workspaces', 'erase_workspace_batch') then 'atelier_scheduler'
      else 'atelier_api' end;
    if caller is not null then
      execute format('grant execute on function %s to %I', fn.signature, caller);
    end if;
    execute format('alter function %s owner to %I', fn.signature,
      case when fn.name like 'admin\_%' then 'atelier_admin' else 'atelier_eraser' end);
  end loop;
  revoke create on schema public from atelier_admin, atelier_eraser;
end $$;
