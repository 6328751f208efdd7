-- Up Migration
-- How long a workspace keeps its executions and what they held, the legal hold that stops all of it, and when the
-- platform's own timers last did their work. null: kept for ever.
alter table workspaces
  add column execution_days int check (execution_days between 1 and 36500),
  add column payload_days int check (payload_days between 1 and 36500),
  add column legal_hold_at timestamptz,
  add column legal_hold_by uuid,
  add column legal_hold_reason text,
  add constraint workspaces_payload_before_execution_check check (payload_days <= execution_days),
  add constraint workspaces_legal_hold_check check ((legal_hold_at is null) = (legal_hold_reason is null));
create index workspaces_held_idx on workspaces (id) where legal_hold_at is not null;
grant update (execution_days, payload_days, legal_hold_at, legal_hold_by, legal_hold_reason) on workspaces to atelier_api;
grant select (id, execution_days, payload_days, legal_hold_at, deleted_at) on workspaces to atelier_scheduler;

-- Since when nothing is left of it but its states, times and codes.
alter table workflow_executions add column payload_expired_at timestamptz;

-- How far a workspace's expiry has come, and what it took since the log last heard of it.
create table retention_passes (
  workspace_id uuid not null,
  part text not null check (part in ('executions', 'payloads')),
  -- Everything up to here has lost its payload; looked at from the beginning again once a week, because what ran long
  -- or was imported lies before it.
  place uuid not null default '00000000-0000-0000-0000-000000000000',
  began_at timestamptz not null default clock_timestamp(),
  executions bigint not null default 0,
  steps bigint not null default 0,
  first_id uuid,
  last_id uuid,
  primary key (workspace_id, part)
);
alter table retention_passes enable row level security, force row level security;
create policy eraser_all on retention_passes for all to atelier_eraser using (true) with check (true);
create policy api_tenant on retention_passes for select to atelier_api
  using (workspace_id = any ((select app_workspace_ids())::uuid[]));
create policy scheduler_sums on retention_passes for all to atelier_scheduler using (true) with check (true);
grant select, insert, update, delete on retention_passes to atelier_eraser;
grant select on retention_passes to atelier_api, atelier_scheduler;
grant update (executions, steps, first_id, last_id) on retention_passes to atelier_scheduler;

-- Legal hold, below every function: whoever deletes executions, steps or files, or empties a payload, does not reach those
-- of a held workspace. Asked once per statement.
create function held_workspaces() returns uuid[] language sql stable set search_path = pg_catalog, public
  return array(select id from public.workspaces where legal_hold_at is not null);
do $$
declare table_name text;
begin
  foreach table_name in array array['workflow_executions', 'execution_steps', 'approvals', 'files', 'file_chunks'] loop
    execute format('create policy held on %I as restrictive for delete to atelier_api, atelier_eraser, atelier_scheduler
      using (workspace_id <> all ((select held_workspaces())::uuid[]))', table_name);
  end loop;
  foreach table_name in array array['workflow_executions', 'execution_steps'] loop
    execute format('create policy held_payload on %I as restrictive for update to atelier_eraser
      using (workspace_id <> all ((select held_workspaces())::uuid[]))', table_name);
  end loop;
end $$;
-- The scheduler deletes by the functions below only, which know what has expired.
revoke delete on workflow_executions, execution_steps, files from atelier_scheduler;

-- What is held cannot be erased with its workspace, nor with a person that its log names.
create function erase_respects_hold() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare is_held boolean;
begin
  if tg_table_name = 'erasures' then
    is_held := exists (select from public.workspaces w where w.legal_hold_at is not null
      and (new.chain_id is null or w.id = new.chain_id)
      and (w.created_by = new.user_id
        or exists (select from public.workspace_members m where m.workspace_id = w.id and m.user_id = new.user_id)
        or exists (select from public.audit_logs a where a.chain_id = w.id and a.actor_id = new.user_id)
        or exists (select from public.audit_logs a where a.chain_id = w.id and a.target_id = new.user_id::text)));
  elsif tg_table_name = 'workspaces' then
    is_held := old.legal_hold_at is not null;
  else
    is_held := exists (select from public.workspaces w where w.id = old.workspace_id and w.legal_hold_at is not null);
  end if;
  if is_held then
    raise exception 'under legal hold' using errcode = 'ZA004';
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end $$;
create trigger workspaces_held before update of deleted_at on workspaces for each row
  when (old.deleted_at is null and new.deleted_at is not null) execute function erase_respects_hold();
create trigger workspace_members_held before delete on workspace_members for each row
  when (current_user = 'atelier_eraser') execute function erase_respects_hold();
create trigger erasures_held before insert on erasures for each row execute function erase_respects_hold();

-- A finished execution and its steps may lose what they held, and nothing else.
create or replace function refuse_change() returns trigger language plpgsql as $$
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
end $$;
grant update (trigger, input, input_key_id, output, output_key_id, payload_expired_at) on workflow_executions to atelier_eraser;
grant update (input, input_key_id, output, output_key_id, error, state) on execution_steps to atelier_eraser;

-- What an approval showed is payload too.
drop trigger approvals_guard on approvals;
create trigger approvals_guard before update on approvals
  for each row when (old.status <> 'pending' and (new.status, new.decisions) is distinct from (old.status, old.decisions)
    or new.decisions is distinct from old.decisions and not adds_to(old.decisions, new.decisions)
    or (new.execution_id, new.node_id, new.iteration, new.attempt, new.quorum, new.deadline, new.excluded_user_ids, new.salt)
      is distinct from
      (old.execution_id, old.node_id, old.iteration, old.attempt, old.quorum, old.deadline, old.excluded_user_ids, old.salt)
    or new.message is distinct from old.message
      and not (current_user = 'atelier_eraser' and new.message = '' and old.status <> 'pending')
    or new.approvers is distinct from old.approvers and current_user <> 'atelier_eraser')
  execute function guard_approval();
grant update (message) on approvals to atelier_eraser;

-- Does anything above a child still run, or has it ended too late? Then the child stays with it: its parent may yet read
-- its result, and a tree goes together.
create function erase_is_needed(p_parent uuid, p_until timestamptz) returns boolean
  language sql stable set search_path = pg_catalog, public
  begin atomic
    with recursive above as (
      select e.parent_id, e.finished_at from public.workflow_executions e where e.id = p_parent
      union all
      select e.parent_id, e.finished_at from above a join public.workflow_executions e on e.id = a.parent_id
    )
    select exists (select from above where finished_at is null or finished_at >= p_until);
  end;

create function erase_short_error(p_error jsonb) returns jsonb language sql immutable set search_path = pg_catalog, public
  return case when p_error is not null then jsonb_strip_nulls(jsonb_build_object('code', p_error -> 'code',
    'nodeId', p_error -> 'nodeId', 'message', 'Expired')) end;

-- For the function below only.
create function erase_empty_payloads(p_ids uuid[]) returns int
  language plpgsql set search_path = pg_catalog, public as $$
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
end $$;

-- One batch of what has expired in a workspace: at most p_limit executions, of ten times as many that are looked at, and
-- about twenty times as many steps. p_part: executions | payloads. p_after: where the batch before ended, null to begin.
-- state: more | done | kept (held, deleted, kept for ever, or being changed at this moment). What ended later than its
-- days, is locked (somebody retries it) or needed by its tree is passed over.
create function erase_expired_batch(p_workspace uuid, p_part text, p_after uuid, p_limit int)
  returns table (state text, executions int, steps int, place uuid)
  language plpgsql security definer set search_path = pg_catalog, public as $$
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
  select * into pass from public.retention_passes r where r.workspace_id = p_workspace and r.part = p_part;
  begin_at := coalesce(p_after, pass.place);

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
  if ids <> '{}' and p_part = 'payloads' then
    n := cardinality(ids);
    n_steps := public.erase_empty_payloads(ids);
  elsif ids <> '{}' then
    select count(*) into n_steps from (
      select from public.execution_steps s where s.execution_id = any (ids) limit p_limit * 20 + 1) counted;
    if n_steps > p_limit * 20 then
      -- Their journals are too big for one batch. Without its whole journal none of them may be retried.
      update public.workflow_executions e set trigger = '{}', input = null, input_key_id = null, output = null,
        output_key_id = null, error = public.erase_short_error(e.error), payload_expired_at = clock_timestamp()
      where e.id = any (ids) and e.payload_expired_at is null;
      delete from public.execution_steps s using (
        select d.execution_id, d.node_id, d.iteration, d.attempt from public.execution_steps d
        where d.execution_id = any (ids) limit p_limit * 20) doomed
      where (s.execution_id, s.node_id, s.iteration, s.attempt)
        = (doomed.execution_id, doomed.node_id, doomed.iteration, doomed.attempt);
      get diagnostics n_steps = row_count;
      place := begin_at;
      state := 'more';
    else
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
end $$;

-- Uploads that nobody finished within a day: their process has died.
create function erase_broken_uploads(p_limit int) returns int
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare n int;
begin
  delete from public.files f where f.id = any (array(select x.id from public.files x
    where x.completed_at is null and x.created_at < clock_timestamp() - interval '1 day' limit p_limit));
  get diagnostics n = row_count;
  return n;
end $$;
create index files_unfinished_idx on files (created_at) where completed_at is null;

-- What the scheduler sweeps by itself: rows that let nobody in any more and count nothing.
create policy scheduler_sweeps on api_keys for all to atelier_scheduler using (true) with check (true);
grant select (id, expires_at, revoked_at), delete on api_keys to atelier_scheduler;
create policy scheduler_sweeps on reset_tokens for all to atelier_scheduler using (true) with check (true);
grant select (user_id, expires_at), delete on reset_tokens to atelier_scheduler;
create policy scheduler_sweeps on rate_limits for all to atelier_scheduler using (true) with check (true);
grant select (key, expire), delete on rate_limits to atelier_scheduler;

-- When the platform's timers last did their work, whichever scheduler did it.
create table timer_runs (
  name text primary key,
  known_since timestamptz not null default clock_timestamp(),
  last_success_at timestamptz,
  last_seconds double precision,
  last_failure_at timestamptz,
  last_error text,
  failures bigint not null default 0
);
alter table timer_runs enable row level security, force row level security;
create policy scheduler_tells on timer_runs for all to atelier_scheduler using (true) with check (true);
create policy api_reads on timer_runs for select to atelier_api using (true);
grant select, insert, update on timer_runs to atelier_scheduler;
grant select on timer_runs to atelier_api;

drop function erase_tables();
create function erase_tables() returns text[] language sql immutable
  return array['execution_keys', 'approvals', 'webhook_deliveries', 'webhooks', 'schedule_fires', 'schedule_skips',
    'schedules', 'file_chunks', 'files', 'credentials', 'workflow_versions', 'workflows', 'api_keys', 'invitations',
    'ended_memberships', 'retention_passes', 'workspace_members'];

do $$
declare fn record;
begin
  grant create on schema public to atelier_eraser;
  for fn in
    select p.oid::regprocedure as signature, caller from pg_proc p join (values
      ('erase_tables', null), ('erase_respects_hold', null), ('erase_is_needed', null), ('erase_short_error', null),
      ('erase_empty_payloads', null), ('erase_expired_batch', 'atelier_scheduler'),
      ('erase_broken_uploads', 'atelier_scheduler')) as made (name, caller)
      on made.name = p.proname and p.pronamespace = 'public'::regnamespace loop
    execute format('revoke execute on function %s from public', fn.signature);
    if fn.caller is not null then
      execute format('grant execute on function %s to %s', fn.signature, fn.caller);
    end if;
    execute format('alter function %s owner to atelier_eraser', fn.signature);
  end loop;
  revoke create on schema public from atelier_eraser;
end $$;
