-- Up Migration
-- Executions of executions: a child's end wakes its parent, a parent's end or cancel reaches its children, whoever
-- writes it and in the same transaction. Only what fails, is cancelled or has a parent pays for it.
create index workflow_executions_live_children_idx on workflow_executions (parent_id)
  where parent_id is not null and status in ('queued', 'running', 'waiting');

-- What could not be passed on because the row was being written at that moment: recovery does it within a second.
-- Waiting for the lock instead could stop two journal writes over each other's rows.
create table pending_moves (
  id bigint generated always as identity primary key,
  execution_id uuid not null,
  move text not null check (move in ('wake', 'cancel')),
  asked_by uuid,
  asked_at timestamptz not null default clock_timestamp()
);
alter table pending_moves enable row level security, force row level security;
create policy api_tenant on pending_moves for insert to atelier_api
  with check (exists (select from workflow_executions e where e.id = execution_id));
create policy worker_passes_on on pending_moves for insert to atelier_worker with check (true);
create policy scheduler_sweeps on pending_moves for all to atelier_scheduler using (true) with check (true);
grant insert on pending_moves to atelier_api, atelier_worker;
grant select, insert, update, delete on pending_moves to atelier_scheduler;

-- A running one is told by its wake number: it will not go to sleep under an older one. Rung in the next pass.
create function wake_execution(target uuid) returns void
  language plpgsql set search_path = pg_catalog, public as $$
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
end $$;

-- Ends at once what is queued or waits, asks the worker of what runs; its own children follow by the trigger.
create function cancel_execution(target uuid, by_user uuid) returns void
  language plpgsql set search_path = pg_catalog, public as $$
begin
  perform from public.workflow_executions e where e.id = target for no key update skip locked;
  if found then
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
  else
    insert into public.pending_moves (execution_id, move, asked_by)
    select e.id, 'cancel', by_user from public.workflow_executions e where e.id = target;
  end if;
end $$;

create function pass_on_execution() returns trigger
  language plpgsql set search_path = pg_catalog, public as $$
begin
  if new.parent_id is not null and new.status in ('succeeded', 'failed', 'cancelled') then
    perform public.wake_execution(new.parent_id);
  end if;
  if new.status in ('failed', 'cancelled') then
    update public.execution_steps s set status = 'cancelled', finished_at = clock_timestamp()
    where s.execution_id = new.id and s.status = 'waiting';
  end if;
  if new.status <> 'succeeded' then
    perform public.cancel_execution(c.id, new.cancel_requested_by) from public.workflow_executions c
    where c.parent_id = new.id and c.status in ('queued', 'running', 'waiting');
  end if;
  return null;
end $$;
create trigger workflow_executions_pass_on after update on workflow_executions
  for each row when ((new.status in ('failed', 'cancelled')
      or (new.status = 'succeeded' and new.parent_id is not null)
      or (new.cancel_requested_at is not null and old.cancel_requested_at is null))
    and current_user <> 'atelier_eraser')
  execute function pass_on_execution();

-- A sub-workflow runs in the name of the person whose execution it belongs to, as long as they may run things there.
create policy worker_claimed on workspace_members for select to atelier_worker
  using (workspace_id = any ((select app_workspace_ids())::uuid[])
    and (expires_at is null or expires_at > clock_timestamp()));
grant select (workspace_id, user_id, role, expires_at) on workspace_members to atelier_worker;
