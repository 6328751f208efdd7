-- Up Migration
-- As in 0062, but a default partition that is big is not scanned for the month's rows while everybody waits. The import
-- makes its months the same way. A month is one of UTC, whatever the time zone of who asks.

create or replace function make_month(p_at timestamptz, p_bytes bigint default 33554432) returns text
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
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
end $$;
grant execute on function make_month(timestamptz, bigint) to atelier_api;
alter function make_month(timestamptz, bigint) set timezone = 'UTC';
alter function ensure_partition(timestamptz) set timezone = 'UTC';
alter function drop_empty_month(timestamptz) set timezone = 'UTC';
