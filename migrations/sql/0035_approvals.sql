-- Up Migration
-- Approvals by people: each attempt of a step asks anew, and what it asked ends with it, whoever ends it.
alter table approvals
  add column attempt int not null default 1 check (attempt > 0),
  -- Who may not decide, because the execution, or one that it comes from, runs in their name.
  add column excluded_user_ids uuid[] not null default '{}',
  -- The key of the hashes by which the audit log names what was shown and said: without it short words could be guessed.
  add column salt uuid not null default gen_random_uuid(),
  drop constraint approvals_execution_id_node_id_iteration_key,
  add unique (execution_id, node_id, iteration, attempt),
  drop constraint approvals_status_check,
  add constraint approvals_status_check
    check (status in ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
  add constraint approvals_decided_at_check check (status = 'pending' or decided_at is not null);
create index approvals_page_idx on approvals (workspace_id, id desc);
-- Whether somebody has retried an execution already.
create index workflow_executions_retry_of_idx on workflow_executions (retry_of) where retry_of is not null;

-- Only the worker asks.
revoke insert, delete on approvals from atelier_api, atelier_scheduler;

-- An end is one for good, what people have said stays as they said it, and what they were asked as they read it; only an
-- erasure takes addresses out.
create function guard_approval() returns trigger
  language plpgsql set search_path = pg_catalog, public as $$
begin
  raise exception 'approval % is % and stays as it is', old.id, old.status;
end $$;
create function adds_to(before jsonb, after jsonb) returns boolean
  language sql immutable set search_path = pg_catalog, public
  return coalesce((select jsonb_agg(said order by place)
    from jsonb_array_elements(after) with ordinality as words (said, place)
    where place <= jsonb_array_length(before)), '[]') = before;
create trigger approvals_guard before update on approvals
  for each row when (old.status <> 'pending' and (new.status, new.decisions) is distinct from (old.status, old.decisions)
    or new.decisions is distinct from old.decisions and not adds_to(old.decisions, new.decisions)
    or (new.execution_id, new.node_id, new.iteration, new.attempt, new.message, new.quorum, new.deadline, new.excluded_user_ids, new.salt)
      is distinct from
      (old.execution_id, old.node_id, old.iteration, old.attempt, old.message, old.quorum, old.deadline, old.excluded_user_ids, old.salt)
    or new.approvers is distinct from old.approvers and current_user <> 'atelier_eraser')
  execute function guard_approval();

-- Never pending beside an ended step: a step that ended by itself after the deadline has let it pass, all others were
-- broken off with their execution. Only a step that waited for an approval pays for it.
create function end_approval() returns trigger
  language plpgsql set search_path = pg_catalog, public as $$
begin
  update public.approvals a
  set status = case when new.status in ('succeeded', 'failed') and a.deadline <= clock_timestamp() then 'expired'
      else 'cancelled' end,
    decided_at = clock_timestamp()
  where a.id = (old.state ->> 'approvalId')::uuid and a.status = 'pending';
  return null;
end $$;
create trigger execution_steps_end_approval after update on execution_steps
  for each row when (old.status = 'waiting' and new.status <> 'waiting' and old.state ? 'approvalId'
    and current_user <> 'atelier_eraser')
  execute function end_approval();

-- A key signs in its person's name only where it was made for that: not because it may start what is to be approved.
alter table api_keys
  drop constraint api_keys_scopes_check,
  add constraint api_keys_scopes_check check (scopes <@ array['read', 'run', 'approve', 'write', 'admin']);
