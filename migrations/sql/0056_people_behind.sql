-- Up Migration
-- Whom an execution has behind it, kept with it; a search path without temporary objects before the catalogue's; and
-- holds that wait for the deletions under way. What is there already is found out by migrations/find-people.ts, afterwards
-- and by and by: retries and forks of it may be asked for as long as it is there.

-- Whoever sets a hold waits for the deletions and erasures that have looked whether one stands and are not committed yet:
-- each shares this lock from before its look to its end (core/persistence/identity/workspaces.ts).
create function await_deletions() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtext('atelier'), hashtext('legal hold'));
  return new;
end $$;
create trigger workspaces_hold_waits before update of legal_hold_at on workspaces for each row
  when (old.legal_hold_at is null and new.legal_hold_at is not null) execute function await_deletions();

-- Nor does a schedule go, by which its history is read. An api, one of the release before too, is told so: it would take
-- no rows for a deletion that has happened.
create policy held on schedules as restrictive for delete to atelier_eraser, atelier_scheduler
  using (workspace_id <> all ((select held_workspaces())::uuid[]));
create function refuse_held_schedule() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if old.workspace_id = any (public.held_workspaces()) then
    raise exception 'under legal hold' using errcode = 'ZA004';
  end if;
  return old;
end $$;
create trigger schedules_held before delete on schedules for each row
  when (current_user = 'atelier_api') execute function refuse_held_schedule();

do $$
declare
  fn record;
  table_owner text := current_user;
begin
  -- As its owner, who keeps it: create or replace.
  grant create on schema public to atelier_eraser;
  set local role atelier_eraser;
  create or replace function erase_respects_hold() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $body$
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
  end $body$;
  execute format('set local role %I', table_owner);
  revoke create on schema public from atelier_eraser;

  -- Where a path does not name pg_temp, it is searched first, for tables and types: whoever may make temporary objects
  -- could lay their own in the way of a function that runs with another's rights. Each as its owner.
  for fn in
    select p.oid::regprocedure as signature, pg_get_userbyid(p.proowner) as owner from pg_proc p
    where p.pronamespace = 'public'::regnamespace and 'search_path=pg_catalog, public' = any (p.proconfig) loop
    execute format('set local role %I', fn.owner);
    execute format('alter function %s set search_path = pg_catalog, public, pg_temp', fn.signature);
  end loop;
  execute format('set local role %I', table_owner);
end $$;

-- For retries and forks, and for sub-workflows that a worker of the release before makes: ours says whom it has itself,
-- because this look through the partitions takes 350 µs. Goes on to whatever has been found out: an origin of the release
-- before may be waiting for that (migrations/find-people.ts).
create function remember_people_behind() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
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
end $$;

-- Until 0059: a finished execution of before may be told whom it has behind it, and nothing else.
create or replace function refuse_change() returns trigger language plpgsql as $$
declare told record;
begin
  if current_user = 'atelier_scheduler' and starts_with(tg_table_name, 'workflow_executions') and tg_op = 'UPDATE' then
    told := old;
    told.people_behind := new.people_behind;
    if old.people_behind is null and told *= new then
      return new;
    end if;
  end if;
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

-- The lock that stops everything is taken last and held for milliseconds; no row is read under it.
-- In whose name those ran that it was retried, forked or called from, who had them started, and who changed what started
-- it or them: none of them signs what it asks. Its own person, and whoever its own trigger names, stand in its own columns.
-- Copied when it is made, because those rows expire. null where it comes from another: of the release before, and not found
-- out yet.
alter table workflow_executions add column people_behind uuid[];
create trigger workflow_executions_people before insert on workflow_executions for each row
  when (new.people_behind is null and (new.retry_of is not null or new.fork_of is not null or new.parent_id is not null))
  execute function remember_people_behind();
-- As before, but not of what changes neither: whom it has behind it is found out long after it has ended.
drop trigger workflow_executions_pass_on on workflow_executions;
create trigger workflow_executions_pass_on after update of status, cancel_requested_at on workflow_executions
  for each row when ((new.status in ('failed', 'cancelled')
      or (new.status = 'succeeded' and new.parent_id is not null)
      or (new.cancel_requested_at is not null and old.cancel_requested_at is null))
    and current_user <> 'atelier_eraser')
  execute function pass_on_execution();
