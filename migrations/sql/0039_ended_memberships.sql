-- Up Migration
-- A membership that begins where another has ended takes its row; that it had ended is kept until the log says so.
create table ended_memberships (
  id bigint generated always as identity primary key,
  workspace_id uuid not null,
  user_id uuid not null,
  role text not null,
  expired_at timestamptz not null,
  is_emergency boolean not null
);
alter table ended_memberships enable row level security, force row level security;
create policy admin_keeps on ended_memberships for all to atelier_admin using (true) with check (true);
grant select, insert, update, delete on ended_memberships to atelier_admin;
create policy api_tenant on ended_memberships for select to atelier_api
  using (workspace_id = any ((select app_workspace_ids())::uuid[]));
grant select on ended_memberships to atelier_api;
create policy eraser_all on ended_memberships for all to atelier_eraser using (true) with check (true);
grant select, delete on ended_memberships to atelier_eraser;
drop function erase_tables();
create function erase_tables() returns text[] language sql immutable
  return array['execution_keys', 'approvals', 'webhook_deliveries', 'webhooks', 'schedule_fires', 'schedules',
    'file_chunks', 'files', 'credentials', 'workflow_versions', 'workflows', 'api_keys', 'invitations',
    'ended_memberships', 'workspace_members'];

drop trigger workspace_members_forget_ended on workspace_members;
drop function admin_forget_ended();
create function admin_forget_ended() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  with ended as (
    delete from public.workspace_members m
    where m.workspace_id = new.workspace_id and m.user_id = new.user_id and m.expires_at <= clock_timestamp()
    returning m.*
  )
  insert into public.ended_memberships (workspace_id, user_id, role, expired_at, is_emergency)
  select e.workspace_id, e.user_id, e.role, e.expires_at, e.emergency_reason is not null from ended e;
  return new;
end $$;
create trigger workspace_members_forget_ended before insert on workspace_members
  for each row execute function admin_forget_ended();

drop function admin_tidy_members(int);
create function admin_tidy_members(p_limit int)
  returns table ("workspaceId" uuid, "userId" uuid, role text, "expiredAt" timestamptz, "isEmergency" boolean)
  language sql security definer set search_path = pg_catalog, public as $$
  with ended as (
    select m.workspace_id, m.user_id from public.workspace_members m
    where m.expires_at <= clock_timestamp() order by m.expires_at limit p_limit for update skip locked
  ),
  kept as (
    select k.id from public.ended_memberships k order by k.id
    limit p_limit - (select count(*) from ended) for update skip locked
  ),
  taken as (
    delete from public.workspace_members m using ended
    where (m.workspace_id, m.user_id) = (ended.workspace_id, ended.user_id)
    returning m.workspace_id, m.user_id, m.role, m.expires_at, m.emergency_reason is not null
  ),
  told as (
    delete from public.ended_memberships k using kept where k.id = kept.id
    returning k.workspace_id, k.user_id, k.role, k.expired_at, k.is_emergency
  )
  select * from taken union all select * from told
$$;

-- Who is in by emergency would use an invitation up for nothing: it says so (ZA003) and stays good.
drop function identity_accept_invitation(bytea);
create function identity_accept_invitation(p_token_hash bytea)
  returns table (id uuid, "workspaceId" uuid, role text, "hasJoined" boolean)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  i public.invitations;
  joined boolean := false;
begin
  perform from public.invitations x where x.token_hash = p_token_hash for update;
  select x.* into i from public.users u
  join public.invitations x on x.id = public.identity_find_invitation(p_token_hash, u.email)
  where u.id = public.app_user_id() and u.disabled_at is null;
  if not found then
    return;
  end if;
  if exists (select from public.workspace_members m where m.workspace_id = i.workspace_id
    and m.user_id = public.app_user_id() and m.emergency_reason is not null) then
    raise exception 'emergency access is open' using errcode = 'ZA003';
  end if;
  update public.invitations x set accepted_at = clock_timestamp(), accepted_by = public.app_user_id() where x.id = i.id;
  if i.workspace_id is not null then
    insert into public.workspace_members (workspace_id, user_id, role, expires_at)
    values (i.workspace_id, public.app_user_id(), i.role, i.member_expires_at) on conflict do nothing;
    joined := found;
  end if;
  return query select i.id, i.workspace_id, m.role, joined from (select) as one
    left join public.workspace_members m on m.workspace_id = i.workspace_id and m.user_id = public.app_user_id();
end $$;

do $$
declare fn record;
begin
  grant create on schema public to atelier_identity, atelier_admin, atelier_eraser;
  for fn in select * from (values
    ('erase_tables()', 'atelier_eraser', null),
    ('admin_forget_ended()', 'atelier_admin', null),
    ('admin_tidy_members(int)', 'atelier_admin', 'atelier_scheduler'),
    ('identity_accept_invitation(bytea)', 'atelier_identity', 'atelier_api')) as made (signature, owner, caller) loop
    execute format('revoke execute on function %s from public', fn.signature);
    if fn.caller is not null then
      execute format('grant execute on function %s to %I', fn.signature, fn.caller);
    end if;
    execute format('alter function %s owner to %I', fn.signature, fn.owner);
  end loop;
  revoke create on schema public from atelier_identity, atelier_admin, atelier_eraser;
end $$;
