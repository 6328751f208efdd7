-- Up Migration
-- Two ways past "a workspace keeps an owner", which the trigger of 0012 asks of the interface only: an owner of a shared
-- personal workspace erased its person from it, who then could never sign in again; and two owners who erased each
-- other at the same time left a workspace with nobody in it.
drop function erase_member(uuid, uuid, text);

-- Takes a person out of one workspace; what they own there goes to the caller, its owner. outcome: erased | not_found
-- (no owner asks, or the person never had to do with the workspace) | mismatch (of the e-mail) | self |
-- personal (whose own workspace this is: without it they could not sign in).
create function erase_member(p_workspace uuid, p_user uuid, p_email text) returns table (outcome text, moved int)
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  u public.users;
  w public.workspaces;
begin
  select * into w from public.workspaces where id = p_workspace for no key update;
  -- A statement of its own: who waited for the lock may have been erased meanwhile.
  if not public.erase_owns_workspace(p_workspace) then
    return query select 'not_found', 0;
    return;
  end if;
  select * into u from public.users where id = p_user and erased_at is null;
  if not found or not (
    exists (select from public.workspace_members m where m.workspace_id = p_workspace and m.user_id = p_user)
    or exists (select from public.audit_logs a where a.chain_id = p_workspace and a.actor_id = p_user)
    or exists (select from public.audit_logs a where a.chain_id = p_workspace and a.target_id = p_user::text)) then
    return query select 'not_found', 0;
  elsif p_user = public.app_user_id() then
    return query select 'self', 0;
  elsif lower(u.email) <> lower(p_email) then
    return query select 'mismatch', 0;
  elsif w.personal and w.created_by = p_user then
    return query select 'personal', 0;
  else
    delete from public.workspace_members m where m.workspace_id = p_workspace and m.user_id = p_user;
    delete from public.api_keys k where k.workspace_id = p_workspace and k.user_id = p_user;
    delete from public.invitations i where i.workspace_id = p_workspace
      and (lower(i.email) = lower(u.email) or i.accepted_by = p_user);
    update public.approvals set approvers = array_replace(approvers, u.email, 'erased-' || p_user || '@invalid')
    where workspace_id = p_workspace and u.email = any (approvers);
    return query select 'erased', public.erase_move_ownership(p_workspace, p_user, public.app_user_id());
  end if;
end $$;

do $$
begin
  grant create on schema public to atelier_eraser;
  revoke execute on function erase_member(uuid, uuid, text) from public;
  grant execute on function erase_member(uuid, uuid, text) to atelier_api;
  alter function erase_member(uuid, uuid, text) owner to atelier_eraser;
  revoke create on schema public from atelier_eraser;
end $$;
