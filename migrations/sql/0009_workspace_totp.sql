-- Up Migration
-- A workspace may ask all its members for a second factor: who has none may do nothing there.
alter table workspaces add column require_totp boolean not null default false;

-- A person reads the settings of the workspaces they belong to before any of them is in the transaction's principals.
create policy api_member on workspaces for select to atelier_api
  using (exists (select from workspace_members m where m.workspace_id = workspaces.id and m.user_id = (select app_user_id())));
