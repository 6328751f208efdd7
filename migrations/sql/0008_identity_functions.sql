-- Up Migration
-- What must happen before anybody is known: the allow-list of SECURITY DEFINER functions. They belong to
-- atelier_identity, a role that owns no table and sees only what is granted here.
create policy identity_all on users for all to atelier_identity using (true) with check (true);
create policy identity_all on sessions for all to atelier_identity using (true) with check (true);
create policy identity_all on refresh_tokens for all to atelier_identity using (true) with check (true);
create policy identity_all on workspaces for all to atelier_identity using (true) with check (true);
create policy identity_all on workspace_members for all to atelier_identity using (true) with check (true);
grant select, insert on users, workspaces, workspace_members to atelier_identity;
grant select, insert, update on sessions, refresh_tokens to atelier_identity;

-- No row when the e-mail is taken. The first user of the instance becomes its admin, under a lock.
create function identity_register(p_id uuid, p_email text, p_name text, p_password_hash text,
  p_workspace_id uuid, p_workspace_name text)
  returns table (id uuid, email text, name text, "isAdmin" boolean)
  language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  perform pg_advisory_xact_lock(hashtext('atelier'), hashtext('register'));
  insert into public.users as u (id, email, name, password_hash, is_admin)
  values (p_id, p_email, p_name, p_password_hash, not exists (select from public.users))
  on conflict do nothing;
  if not found then
    return;
  end if;
  insert into public.workspaces (id, name, personal, created_by) values (p_workspace_id, p_workspace_name, true, p_id);
  insert into public.workspace_members (workspace_id, user_id, role) values (p_workspace_id, p_id, 'owner');
  return query select u.id, u.email, u.name, u.is_admin from public.users u where u.id = p_id;
end $$;

create function identity_has_users() returns boolean
  language sql stable security definer set search_path = pg_catalog, public
  return exists (select from public.users);

create function identity_find_login(p_email text)
  returns table (id uuid, email text, name text, "isAdmin" boolean, "passwordHash" text, disabled boolean)
  language sql stable security definer set search_path = pg_catalog, public as $$
  select u.id, u.email, u.name, u.is_admin, u.password_hash, u.disabled_at is not null
  from public.users u where lower(u.email) = lower(p_email)
$$;

-- Rotates a refresh token under the session's row lock. outcome: rotated | recent (rotated less than 10 s
-- ago, harmless) | reused (the whole session ends) | refused.
create function identity_rotate_refresh(p_hash bytea, p_new_hash bytea, p_idle interval)
  returns table (outcome text, "sessionId" uuid, "userId" uuid)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  found_session uuid;
  s public.sessions;
  rotated timestamptz;
  user_disabled boolean;
begin
  select t.session_id into found_session from public.refresh_tokens t where t.token_hash = p_hash;
  if found_session is null then
    return query select 'refused', null::uuid, null::uuid;
    return;
  end if;
  select * into s from public.sessions where id = found_session for update;
  select t.rotated_at into rotated from public.refresh_tokens t where t.token_hash = p_hash;
  select u.disabled_at is not null into user_disabled from public.users u where u.id = s.user_id;
  if s.ended_at is not null or user_disabled
    or least(s.idle_expires_at, s.expires_at) <= clock_timestamp() then
    return query select 'refused', s.id, s.user_id;
  elsif rotated is null then
    update public.refresh_tokens set rotated_at = clock_timestamp() where token_hash = p_hash;
    insert into public.refresh_tokens (token_hash, session_id) values (p_new_hash, s.id);
    update public.sessions set last_used_at = clock_timestamp(),
      idle_expires_at = clock_timestamp() + p_idle where id = s.id;
    return query select 'rotated', s.id, s.user_id;
  elsif rotated > clock_timestamp() - interval '10 seconds' then
    return query select 'recent', s.id, s.user_id;
  else
    update public.sessions set ended_at = clock_timestamp(), end_reason = 'reuse' where id = s.id;
    return query select 'reused', s.id, s.user_id;
  end if;
end $$;

create function identity_end_session(p_hash bytea)
  returns table ("sessionId" uuid, "userId" uuid)
  language sql security definer set search_path = pg_catalog, public as $$
  update public.sessions s set ended_at = clock_timestamp(), end_reason = 'logout'
  from public.refresh_tokens t
  where t.token_hash = p_hash and s.id = t.session_id and s.ended_at is null
  returning s.id, s.user_id
$$;

do $$
declare fn regprocedure;
begin
  grant create on schema public to atelier_identity;
  for fn in select p.oid from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'identity\_%' loop
    execute format('revoke execute on function %s from public', fn);
    execute format('grant execute on function %s to atelier_api', fn);
    execute format('alter function %s owner to atelier_identity', fn);
  end loop;
  revoke create on schema public from atelier_identity;
end $$;
