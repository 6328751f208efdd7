-- Up Migration
-- Whom an execution has behind it, kept with it; a search path without temporary objects before the catalogue's; and
-- holds that wait for the deletions under way.

-- In whose name those ran that it was retried, forked or called from, and who had them started or changed what started
-- them: none of them signs what it asks. Its own person, and whoever its own trigger names, stand in its own columns.
-- Copied when it is made, because those rows expire. null: nobody else.
alter table workflow_executions add column people_behind uuid[];

-- For retries and forks, and for sub-workflows that a worker of the release before makes: ours says whom it has itself,
-- because this look through the partitions takes 350 µs.
create function remember_people_behind() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  new.people_behind := nullif(array(
    select distinct p.person from public.workflow_executions o
      cross join lateral unnest(o.people_behind || o.user_id || case when o.trigger_type in ('schedule', 'webhook')
        then array[(o.trigger ->> 'startedBy')::uuid, (o.trigger ->> 'editedBy')::uuid] end) as p (person)
    where o.id in (new.retry_of, new.fork_of, new.parent_id)
      and p.person is not null and p.person is distinct from new.user_id
    order by 1), '{}');
  return new;
end $$;

-- What is there already, the finished ones too: they may be retried. Retention comes with the same release, so the lines
-- are whole. In a tree only the root is a retry, fork or run by hand, and all run in its person's name.
alter table workflow_executions no force row level security;
alter table workflow_executions disable trigger user;
with recursive line as (
  select e.id as of, e.user_id as own, e.retry_of, e.fork_of, e.parent_id, null::uuid[] as people
  from workflow_executions e where e.retry_of is not null or e.fork_of is not null
  union
  select l.of, l.own, o.retry_of, o.fork_of, o.parent_id, o.user_id || case when o.trigger_type in ('schedule', 'webhook')
    then array[(o.trigger ->> 'startedBy')::uuid, (o.trigger ->> 'editedBy')::uuid] end
  from line l join workflow_executions o on o.id in (l.retry_of, l.fork_of, l.parent_id)
)
update workflow_executions e set people_behind = b.people
from (select l.of, array_agg(distinct p.person order by p.person) as people
  from line l cross join lateral unnest(l.people) as p (person)
  where p.person is not null and p.person is distinct from l.own group by l.of) b
where e.id = b.of;
with recursive tree as (
  select r.id, array_remove(r.people_behind || case when r.trigger_type in ('schedule', 'webhook')
    then array[(r.trigger ->> 'startedBy')::uuid, (r.trigger ->> 'editedBy')::uuid] end, null) as people
  from workflow_executions r
  where r.parent_id is null and (r.people_behind is not null
    or r.trigger_type in ('schedule', 'webhook') and r.trigger ?| array['startedBy', 'editedBy'])
  union all
  select e.id, t.people from tree t join workflow_executions e on e.parent_id = t.id
)
update workflow_executions e set people_behind = nullif(array(
  select distinct person from unnest(t.people) as person where person <> e.user_id order by 1), '{}')
from tree t where t.id = e.id and e.parent_id is not null;
alter table workflow_executions enable trigger user;
alter table workflow_executions force row level security;

create trigger workflow_executions_people before insert on workflow_executions for each row
  when (new.people_behind is null and (new.retry_of is not null or new.fork_of is not null or new.parent_id is not null))
  execute function remember_people_behind();

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

-- Nor does a schedule go, by which its history is read.
create policy held on schedules as restrictive for delete to atelier_api, atelier_eraser, atelier_scheduler
  using (workspace_id <> all ((select held_workspaces())::uuid[]));

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
