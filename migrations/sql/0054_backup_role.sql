-- Up Migration
-- Who takes backups: reads every row of every table and changes none. A later migration that makes a table gives it
-- this policy and grant as well; test/security/database-catalogue.test.ts counts them.
do $$
declare place record;
begin
  if not exists (select from pg_roles where rolname = 'atelier_backup') then
    create role atelier_backup nologin;
  end if;
  execute format('grant atelier_backup to current_user %s', case
    when current_setting('server_version_num')::int >= 160000 then 'with inherit false, set true' else '' end);
  for place in
    select c.relname as name, c.relrowsecurity as walled from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and pg_get_userbyid(c.relowner) = current_user order by c.relname
  loop
    execute format('grant select on public.%I to atelier_backup', place.name);
    if place.walled then
      execute format('create policy backup_reads on public.%I for select to atelier_backup using (true)', place.name);
    end if;
  end loop;
end $$;
grant usage on schema public to atelier_backup;
-- Where the numbers of rows that are not named by UUIDs stand.
grant select on all sequences in schema public to atelier_backup;
