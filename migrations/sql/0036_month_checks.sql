-- Up Migration
-- A month's bounds once more, as a check: a statement that says between which months its ids lie is planned without the
-- other months' partitions. Pruning does the same and more, but its run-time part is what core/persistence/database.ts
-- turns off. For the check each partition is read once, about 0.3 s a million rows, while nobody else can write to it.
create or replace function ensure_partition(at timestamptz) returns boolean
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  month timestamptz := date_trunc('month', at, 'UTC');
  parent text;
  part text;
  made boolean := false;
begin
  foreach parent in array array['workflow_executions', 'execution_steps'] loop
    part := format('%s_%s', parent, to_char(month at time zone 'UTC', 'YYYYMM'));
    if to_regclass(format('public.%I', part)) is null then
      execute format('create table public.%I partition of public.%I for values from (%L) to (%L)',
        part, parent, uuid_floor(month), uuid_floor(month + interval '1 month'));
      execute format('alter table public.%I enable row level security, force row level security', part);
      if parent = 'workflow_executions' then
        execute format('alter table public.%I add constraint in_month check (id >= %L and id < %L)',
          part, uuid_floor(month), uuid_floor(month + interval '1 month'));
      end if;
      made := true;
    end if;
  end loop;
  return made;
end $$;

do $$
declare
  part text;
  month timestamptz;
begin
  for part in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.workflow_executions'::regclass and c.relname ~ '_[0-9]{6}$' order by c.relname
  loop
    month := (to_date(right(part, 6), 'YYYYMM')::timestamp) at time zone 'UTC';
    execute format('alter table public.%I add constraint in_month check (id >= %L and id < %L)',
      part, uuid_floor(month), uuid_floor(month + interval '1 month'));
  end loop;
end $$;
