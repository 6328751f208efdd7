-- Up Migration
-- Memberships with an end, and emergency access. An ended membership is as if it were not there: a restrictive policy
-- says so to the interface and to every function that asks who is a member, on the clock of this database. Only
-- atelier_admin sees it still, and takes it away.
alter table workspace_members add column expires_at timestamptz, add column emergency_reason text;
-- An owner has no end: so no owner is ever the last one for some days only.
alter table workspace_members add constraint workspace_members_owner_stays check (role <> 'owner' or expires_at is null);
alter table workspace_members add constraint workspace_members_emergency_ends
  check (emergency_reason is null or expires_at is not null);
create index workspace_members_expires_at_idx on workspace_members (expires_at) where expires_at is not null;
alter table invitations add column member_expires_at timestamptz;
alter table invitations add constraint invitations_owner_stays check (role <> 'owner' or member_expires_at is null);

create policy members_not_ended on workspace_members as restrictive
  for all to atelier_api, atelier_identity, atelier_eraser
  using (expires_at is null or expires_at > clock_timestamp())
  with check (expires_at is null or expires_at > clock_timestamp());
-- Why somebody is in by emergency stands in the row as long as they are.
revoke update on workspace_members from atelier_api;
-- A membership cannot be moved either, but that is the trigger's to say (0012).
grant update (workspace_id, user_id, role, expires_at) on workspace_members to atelier_api;

create policy admin_reads on workspace_members for select to atelier_admin using (true);
create policy admin_ends on workspace_members for update to atelier_admin
  using (expires_at is not null) with check (expires_at is not null);
create policy admin_tidies on workspace_members for delete to atelier_admin using (expires_at <= clock_timestamp());
grant select, update (expires_at), delete on workspace_members to atelier_admin;

-- Room for the membership that begins where one has ended: whoever adds it cannot see the old one.
create function admin_forget_ended() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  delete from public.workspace_members m
  where m.workspace_id = new.workspace_id and m.user_id = new.user_id and m.expires_at <= clock_timestamp();
  return new;
end $$;
create trigger workspace_members_forget_ended before insert on workspace_members
  for each row execute function admin_forget_ended();

-- Who inherits a workspace from an erased person owns it without an end.
create function keep_heir() returns trigger language plpgsql as $$
begin
  new.expires_at := null;
  new.emergency_reason := null;
  return new;
end $$;
create trigger workspace_members_heir before update on workspace_members
  for each row when (current_user = 'atelier_eraser' and old.role <> 'owner' and new.role = 'owner')
  execute function keep_heir();

-- Who is no administrator any more has no emergency access any more.
create function admin_end_emergencies() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  update public.workspace_members m set expires_at = clock_timestamp()
  where m.user_id = new.id and m.emergency_reason is not null and m.expires_at > clock_timestamp();
  return null;
end $$;
create trigger users_end_emergencies after update of is_admin, disabled_at on users
  for each row when (old.is_admin and old.disabled_at is null and not (new.is_admin and new.disabled_at is null))
  execute function admin_end_emergencies();

-- Takes ended memberships away, those of deleted workspaces included, and tells of them for the log.
create function admin_tidy_members(p_limit int)
  returns table ("workspaceId" uuid, "userId" uuid, role text, "expiredAt" timestamptz, "isEmergency" boolean)
  language sql security definer set search_path = pg_catalog, public as $$
  with ended as (
    select m.workspace_id, m.user_id from public.workspace_members m
    where m.expires_at <= clock_timestamp() order by m.expires_at limit p_limit for update skip locked
  )
  delete from public.workspace_members m using ended
  where (m.workspace_id, m.user_id) = (ended.workspace_id, ended.user_id)
  returning m.workspace_id, m.user_id, m.role, m.expires_at, m.emergency_reason is not null
$$;

-- An administrator lets themselves into a workspace they are no member of. outcome: opened | forbidden | not_found |
-- member | too_many (in an hour; `retryAfterMs`). `owners` are the addresses of those who can sign in.
create function identity_open_emergency(p_workspace uuid, p_role text, p_minutes int, p_reason text, p_per_hour int)
  returns table (outcome text, since timestamptz, until timestamptz, "workspaceName" text, owners text[], "retryAfterMs" int)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  place public.workspaces;
  made public.workspace_members;
  opened timestamptz[];
begin
  -- Whoever takes the right to administer away in this moment would not see the membership that is to end with it.
  perform pg_advisory_xact_lock_shared(hashtext('atelier'), hashtext('admins'));
  perform pg_advisory_xact_lock(hashtext('emergency'), hashtext(public.app_user_id()::text));
  if not exists (select from public.users u
    where u.id = public.app_user_id() and u.is_admin and u.disabled_at is null) then
    return query select 'forbidden', null::timestamptz, null::timestamptz, null, null::text[], null::int;
    return;
  end if;
  select * into place from public.workspaces w where w.id = p_workspace and w.deleted_at is null for no key update;
  if not found then
    return query select 'not_found', null::timestamptz, null::timestamptz, null, null::text[], null::int;
    return;
  end if;
  opened := array(select l.at from public.audit_logs l
    where l.chain_id = '00000000-0000-0000-0000-000000000000' and l.actor_id = public.app_user_id()
      and l.action = 'emergency.opened' and l.at > clock_timestamp() - interval '1 hour'
    order by l.at desc limit p_per_hour);
  if cardinality(opened) >= p_per_hour then
    return query select 'too_many', null::timestamptz, null::timestamptz, null, null::text[],
      ceil(extract(epoch from opened[p_per_hour] + interval '1 hour' - clock_timestamp()) * 1000)::int;
    return;
  end if;
  insert into public.workspace_members as m (workspace_id, user_id, role, created_at, expires_at, emergency_reason)
  values (p_workspace, public.app_user_id(), p_role, clock_timestamp(),
    clock_timestamp() + make_interval(mins => p_minutes), p_reason)
  on conflict do nothing returning m.* into made;
  if not found then
    return query select 'member', null::timestamptz, null::timestamptz, null, null::text[], null::int;
    return;
  end if;
  return query select 'opened', made.created_at, made.expires_at, place.name, array(
    select u.email from public.workspace_members m join public.users u on u.id = m.user_id and u.disabled_at is null
    where m.workspace_id = p_workspace and m.role = 'owner' order by u.id), null::int;
end $$;

-- As in 0012, for invitations whose membership has an end: it must still lie ahead.
drop function identity_find_invitation(bytea, text);
create function identity_find_invitation(p_token_hash bytea, p_email text) returns uuid
  language sql stable security definer set search_path = pg_catalog, public as $$
  select i.id from public.invitations i
  join public.users u on u.id = i.invited_by and u.disabled_at is null
  where i.token_hash = p_token_hash and lower(i.email) = lower(p_email)
    and i.accepted_at is null and least(i.expires_at, i.member_expires_at) > clock_timestamp()
    and case when i.workspace_id is null then u.is_admin
      else exists (select from public.workspace_members m
        where m.workspace_id = i.workspace_id and m.user_id = i.invited_by and m.role = 'owner') end
$$;

-- As in 0012; the member's end comes from the invitation.
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
declare fn regprocedure;
begin
  grant create on schema public to atelier_identity, atelier_admin;
  foreach fn in array array['admin_forget_ended()', 'admin_end_emergencies()', 'admin_tidy_members(int)',
    'identity_open_emergency(uuid, text, int, text, int)', 'identity_find_invitation(bytea, text)',
    'identity_accept_invitation(bytea)']::regprocedure[] loop
    execute format('revoke execute on function %s from public', fn);
    if fn::text like 'identity\_%' then
      execute format('grant execute on function %s to atelier_api', fn);
      execute format('alter function %s owner to atelier_identity', fn);
    else
      if fn = 'admin_tidy_members(int)'::regprocedure then
        execute format('grant execute on function %s to atelier_scheduler', fn);
      end if;
      execute format('alter function %s owner to atelier_admin', fn);
    end if;
  end loop;
  revoke create on schema public from atelier_identity, atelier_admin;
end $$;
