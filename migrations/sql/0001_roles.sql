-- Up Migration
-- The run-time roles: none is superuser, BYPASSRLS or owner of a table. Pools switch to them at connect.
do $$
declare role_name text;
begin
  foreach role_name in array array['atelier_api', 'atelier_worker', 'atelier_scheduler', 'atelier_identity'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin', role_name);
    end if;
    -- The owner may become each role but does not share its sight: FORCE keeps the owner blind. Before
    -- PostgreSQL 16 membership could not be split, there the owner sees what its roles see.
    execute format('grant %I to current_user %s', role_name, case
      when current_setting('server_version_num')::int >= 160000 then 'with inherit false, set true' else '' end);
  end loop;
end $$;

grant usage on schema public to atelier_api, atelier_worker, atelier_scheduler, atelier_identity;

-- Who is asking, set by set_config(…, true) inside the transaction. Without them nobody sees anything.
create function app_user_id() returns uuid language sql stable
  return nullif(current_setting('app.user_id', true), '')::uuid;

create function app_workspace_ids() returns uuid[] language sql stable
  return coalesce(nullif(current_setting('app.workspace_ids', true), ''), '{}')::uuid[];

-- The smallest UUIDv7 of an instant: partition bounds and time filters on time-ordered ids. Before 1970 there are none.
create function uuid_floor(at timestamptz) returns uuid language sql immutable strict
  return (lpad(to_hex(greatest(0, floor(extract(epoch from at) * 1000))::bigint), 12, '0') || '00000000000000000000')::uuid;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% rows of % cannot change: %', lower(tg_op), tg_table_name, tg_argv[0]
    using errcode = 'integrity_constraint_violation';
end $$;
