-- Up Migration
-- What a batch of expiry does is bounded by steps for payloads too. Emptied in one statement, 250 journals of 3,000 steps take
-- longer than a statement may, and nothing of that workspace would ever be emptied.

-- Executions that are marked as expired, but whose journals are not all emptied: in the order of the list, the first one's
-- up to this step. They were marked in the transaction that wrote them here, so none of them can be retried.
alter table retention_passes
  add column emptying uuid[] not null default '{}',
  add column emptied_node text not null default '',
  add column emptied_iteration text not null default '',
  add column emptied_attempt int not null default 0;

do $$
declare
  fn record;
  table_owner text := current_user;
begin
  -- As its owner, who keeps them: create or replace.
  grant create on schema public to atelier_eraser;
  set local role atelier_eraser;

  create function erase_is_big(p_ids uuid[], p_limit int) returns boolean
    language sql stable set search_path = pg_catalog, public, pg_temp
    return (select count(*) from (
        select from public.execution_steps s where s.execution_id = any (p_ids) limit p_limit + 1) steps) > p_limit
      or (select count(*) from (
        select from public.approvals a where a.execution_id = any (p_ids) limit p_limit + 1) approvals) > p_limit;

  create function erase_mark_expired(p_ids uuid[]) returns void
    language sql set search_path = pg_catalog, public, pg_temp
    begin atomic
      update public.workflow_executions e set trigger = '{}', input = null, input_key_id = null, output = null,
        output_key_id = null, error = public.erase_short_error(e.error), payload_expired_at = clock_timestamp()
      where e.id = any (p_ids) and e.payload_expired_at is null;
    end;

  -- Goes on where the batch before stopped: p_limit steps and approvals are looked at at most. Returns how many executions
  -- have nothing left now, and how many steps lost what they held.
  create function erase_go_on_emptying(p_workspace uuid, p_limit int) returns table (executions int, steps int)
    language plpgsql set search_path = pg_catalog, public, pg_temp as $body$
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
  end $body$;

  -- One batch of what has expired in a workspace: at most p_limit executions, of ten times as many that are looked at, and
  -- about twenty times as many steps and approvals. p_part: executions | payloads. p_after: where the batch before ended, null
  -- to begin.
  -- state: more | done | kept (held, deleted, kept for ever, or being changed at this moment). What ended later than its
  -- days, is locked (somebody retries it) or needed by its tree is passed over.
  create or replace function erase_expired_batch(p_workspace uuid, p_part text, p_after uuid, p_limit int)
    returns table (state text, executions int, steps int, place uuid)
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $body$
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
  end $body$;

  for fn in
    select p.oid::regprocedure as signature from pg_proc p
    where p.proname in ('erase_is_big', 'erase_mark_expired', 'erase_go_on_emptying')
      and p.pronamespace = 'public'::regnamespace loop
    execute format('revoke execute on function %s from public', fn.signature);
  end loop;
  execute format('set local role %I', table_owner);
  revoke create on schema public from atelier_eraser;
end $$;
