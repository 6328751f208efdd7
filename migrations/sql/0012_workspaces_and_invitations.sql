-- Up Migration
-- Workspaces that people share. Row-level security says who may change a workspace and its memberships: its owners;
-- anybody may take themselves out; in by invitation only. Which role may do what with the rest is authorize()'s to say.

-- Without a workspace an administrator invites to the instance: for SIGNUP=invite, before anybody shares anything.
alter table invitations alter column workspace_id drop not null;
alter table invitations alter column role drop not null;
alter table invitations add constraint invitations_role_check1 check ((workspace_id is null) = (role is null));
create index invitations_waiting_idx on invitations (workspace_id, lower(email)) where accepted_at is null;

create policy identity_all on invitations for all to atelier_identity using (true) with check (true);
grant select, update (accepted_at, accepted_by) on invitations to atelier_identity;
grant update (updated_at) on workspaces to atelier_identity;

-- A policy cannot look into its own table, so these look for it.
create function identity_owns_workspace(p_workspace uuid) returns boolean
  language sql stable security definer set search_path = pg_catalog, public as $$
  select exists (select from public.workspace_members m
    where m.workspace_id = p_workspace and m.user_id = public.app_user_id() and m.role = 'owner')
$$;

-- Nobody is in it yet: the moment between making a workspace and becoming its owner.
create function identity_founds_workspace(p_workspace uuid) returns boolean
  language sql stable security definer set search_path = pg_catalog, public as $$
  select exists (select from public.workspaces w where w.id = p_workspace and w.created_by = public.app_user_id())
    and not exists (select from public.workspace_members m where m.workspace_id = p_workspace)
$$;

-- Having made a workspace gives no rights in it for ever, as it did before: who has left it is out.
drop policy api_tenant on workspaces;
create policy api_tenant on workspaces for select to atelier_api
  using (id = any ((select app_workspace_ids())::uuid[]));
create policy api_creates on workspaces for insert to atelier_api
  with check (id = any ((select app_workspace_ids())::uuid[]) and created_by = (select app_user_id()) and not personal);
create policy api_owner on workspaces for update to atelier_api
  using (id = any ((select app_workspace_ids())::uuid[]) and identity_owns_workspace(id))
  with check (id = any ((select app_workspace_ids())::uuid[]) and identity_owns_workspace(id));
revoke update, delete on workspaces from atelier_api;
grant update (name, require_totp, settings, updated_at) on workspaces to atelier_api;

drop policy api_tenant on workspace_members;
create policy api_tenant on workspace_members for select to atelier_api
  using (user_id = (select app_user_id()) or workspace_id = any ((select app_workspace_ids())::uuid[]));
create policy api_founder on workspace_members for insert to atelier_api
  with check (workspace_id = any ((select app_workspace_ids())::uuid[]) and user_id = (select app_user_id())
    and role = 'owner' and identity_founds_workspace(workspace_id));
create policy api_owner on workspace_members for update to atelier_api
  using (workspace_id = any ((select app_workspace_ids())::uuid[]) and identity_owns_workspace(workspace_id))
  with check (workspace_id = any ((select app_workspace_ids())::uuid[]) and identity_owns_workspace(workspace_id));
create policy api_leaves on workspace_members for delete to atelier_api
  using (workspace_id = any ((select app_workspace_ids())::uuid[])
    and (user_id = (select app_user_id()) or identity_owns_workspace(workspace_id)));
create trigger workspace_members_person before update on workspace_members
  for each row when ((old.workspace_id, old.user_id) is distinct from (new.workspace_id, new.user_id))
  execute function refuse_change('a membership is one person''s in one workspace');

drop policy api_tenant on invitations;
create policy api_owner on invitations for all to atelier_api
  using (workspace_id = any ((select app_workspace_ids())::uuid[]) and identity_owns_workspace(workspace_id))
  with check (workspace_id = any ((select app_workspace_ids())::uuid[]) and identity_owns_workspace(workspace_id));
create policy api_admin on invitations for all to atelier_api
  using (workspace_id is null and exists (select from users u where u.id = (select app_user_id()) and u.is_admin))
  with check (workspace_id is null and exists (select from users u where u.id = (select app_user_id()) and u.is_admin));

-- The last word on "a workspace has an owner": under the workspace's row lock, so that of fifty owners who leave at
-- once one stays. Disabling a person asks nobody (a stolen account must be stoppable), so a disabled owner counts as none.
-- Only the interface is asked: what erases workspaces and people speaks as another role.
create function identity_keep_owner() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare w public.workspaces;
begin
  select * into w from public.workspaces where id = old.workspace_id for no key update;
  if w.personal and w.created_by = old.user_id then
    raise exception 'a personal workspace keeps its person as owner' using errcode = 'ZA002';
  elsif w.id is not null and not exists (select from public.workspace_members m
    join public.users u on u.id = m.user_id and u.disabled_at is null
    where m.workspace_id = old.workspace_id and m.role = 'owner') then
    raise exception 'a workspace keeps an owner' using errcode = 'ZA001';
  end if;
  return null;
end $$;
create trigger workspace_members_owner_leaves after delete on workspace_members
  for each row when (old.role = 'owner' and current_user = 'atelier_api') execute function identity_keep_owner();
create trigger workspace_members_owner_changes after update on workspace_members
  for each row when (old.role = 'owner' and new.role <> 'owner' and current_user = 'atelier_api')
  execute function identity_keep_owner();

-- The invitation a token stands for, for the person with this e-mail: unused, in time, and made by somebody who
-- could make it still. Null for everything else.
create function identity_find_invitation(p_token_hash bytea, p_email text) returns uuid
  language sql stable security definer set search_path = pg_catalog, public as $$
  select i.id from public.invitations i
  join public.users u on u.id = i.invited_by and u.disabled_at is null
  where i.token_hash = p_token_hash and lower(i.email) = lower(p_email)
    and i.accepted_at is null and i.expires_at > clock_timestamp()
    and case when i.workspace_id is null then u.is_admin
      else exists (select from public.workspace_members m
        where m.workspace_id = i.workspace_id and m.user_id = i.invited_by and m.role = 'owner') end
$$;

-- Uses an invitation up, in the name of the person who asks; who is a member already keeps their role.
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
    insert into public.workspace_members (workspace_id, user_id, role)
    values (i.workspace_id, public.app_user_id(), i.role) on conflict do nothing;
    joined := found;
  end if;
  return query select i.id, i.workspace_id, m.role, joined from (select) as one
    left join public.workspace_members m on m.workspace_id = i.workspace_id and m.user_id = public.app_user_id();
end $$;

do $$
declare fn regprocedure;
begin
  grant create on schema public to atelier_identity;
  foreach fn in array array['identity_owns_workspace(uuid)', 'identity_founds_workspace(uuid)', 'identity_keep_owner()',
    'identity_find_invitation(bytea, text)', 'identity_accept_invitation(bytea)']::regprocedure[] loop
    execute format('revoke execute on function %s from public', fn);
    execute format('grant execute on function %s to atelier_api', fn);
    execute format('alter function %s owner to atelier_identity', fn);
  end loop;
  revoke create on schema public from atelier_identity;
end $$;
