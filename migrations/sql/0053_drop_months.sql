-- Up Migration
-- A past month's partitions go when nothing is left in them: no row that somebody keeps, that is held, or that still runs
-- can be lost by it, whatever the days of the workspaces say.

-- The owner of the tables sees no rows, so the eraser looks for it. By the key's index, which forgets its dead entries
-- when it is walked: an emptied month that nobody has vacuumed yet would be read whole otherwise.
create function erase_month_is_empty(p_month timestamptz) returns boolean
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  low uuid := public.uuid_floor(p_month);
  high uuid := public.uuid_floor(p_month + interval '1 month');
begin
  perform set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_partition_pruning', 'on', true);
  return not exists (select from public.workflow_executions e where e.id >= low and e.id < high)
    and not exists (select from public.execution_steps s where s.execution_id >= low and s.execution_id < high);
end $$;

-- dropped | young (not over for two days: clocks differ) | gone | full | bloated (empty, but it takes long to see) | busy.
-- A partition can be taken off without a lock on the whole table only where there is no default partition, so the lock it
-- is, for the milliseconds of the drop: it is given up after 50 ms of waiting, because everybody else waits behind it.
create function drop_empty_month(p_at timestamptz) returns text
  language plpgsql security definer set search_path = pg_catalog, public as $$
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
end $$;

-- As before, but those under hold do not stand in the way of others' any more.
drop function erase_broken_uploads(int);
create function erase_broken_uploads(p_limit int) returns int
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare n int;
begin
  delete from public.files f where f.id = any (array(select x.id from public.files x
    where x.completed_at is null and x.created_at < clock_timestamp() - interval '1 day'
      and x.workspace_id <> all ((select public.held_workspaces())::uuid[]) limit p_limit));
  get diagnostics n = row_count;
  return n;
end $$;

do $$
declare table_owner text := current_user;
begin
  revoke execute on function drop_empty_month(timestamptz) from public;
  grant execute on function drop_empty_month(timestamptz) to atelier_scheduler;
  grant create on schema public to atelier_eraser;
  revoke execute on function erase_month_is_empty(timestamptz) from public;
  alter function erase_month_is_empty(timestamptz) owner to atelier_eraser;
  revoke execute on function erase_broken_uploads(int) from public;
  grant execute on function erase_broken_uploads(int) to atelier_scheduler;
  alter function erase_broken_uploads(int) owner to atelier_eraser;
  -- As its owner: who gives the function away has given their own right with it.
  set local role atelier_eraser;
  execute format('grant execute on function erase_month_is_empty(timestamptz) to %I', table_owner);
  execute format('set local role %I', table_owner);
  revoke create on schema public from atelier_eraser;
end $$;
