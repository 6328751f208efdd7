-- Up Migration
-- A cancel costs the same whatever hangs under an execution: a transaction passes it on to the first 200 descendants, and
-- notes where it stopped. Recovery goes on from there, 200 a pass. Schedulers may know who lacks a second factor.

grant select (totp_enabled_at) on users to atelier_scheduler;
grant select (require_totp) on workspaces to atelier_scheduler;
grant select (emergency_reason) on workspace_members to atelier_scheduler;

-- To the live children of one that is to end, in the order of their ids. Those that somebody writes at this moment, and
-- those beyond what the transaction may still do, are left to the move that is noted for their parent.
create function cancel_children(parent uuid, by_user uuid) returns void
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
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
end $$;

-- As in 0031; of one that has ended, or was asked to, it goes on with the children.
create or replace function cancel_execution(target uuid, by_user uuid) returns void
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
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
end $$;

create or replace function pass_on_execution() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
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
end $$;
