-- Up Migration
-- Row-level security: the second wall behind authorize(). FORCE, so that the owner is under it too.
do $$
declare
  table_name text;
  tenant_tables text[] := array['workflows', 'workflow_versions', 'workflow_executions', 'execution_steps',
    'execution_keys', 'approvals', 'schedules', 'schedule_fires', 'webhooks', 'webhook_deliveries',
    'credentials', 'files', 'file_chunks', 'invitations'];
begin
  foreach table_name in array tenant_tables || array['users', 'sessions', 'refresh_tokens', 'api_keys',
    'workspaces', 'workspace_members', 'audit_logs', 'audit_heads', 'workflow_executions_default',
    'execution_steps_default'] loop
    execute format('alter table %I enable row level security, force row level security', table_name);
  end loop;

  foreach table_name in array tenant_tables loop
    execute format('create policy api_tenant on %I for all to atelier_api
      using (workspace_id = any ((select app_workspace_ids())::uuid[]))
      with check (workspace_id = any ((select app_workspace_ids())::uuid[]))', table_name);
    execute format('grant select, insert, update, delete on %I to atelier_api', table_name);
  end loop;
end $$;
revoke update, delete on workflow_versions from atelier_api;
revoke delete on workflow_executions, execution_steps from atelier_api;

-- People: oneself, and whom one shares a workspace with. A batch of several people names them all.
create policy api_self on users for all to atelier_api
  using (id = (select app_user_id())
    or exists (select from workspace_members m where m.user_id = users.id
      and m.workspace_id = any ((select app_workspace_ids())::uuid[])))
  with check (id = (select app_user_id()));
create policy api_own on sessions for all to atelier_api
  using (user_id = (select app_user_id())) with check (user_id = (select app_user_id()));
create policy api_own on refresh_tokens for all to atelier_api
  using (exists (select from sessions s where s.id = session_id))
  with check (exists (select from sessions s where s.id = session_id));
create policy api_own on api_keys for all to atelier_api
  using (user_id = (select app_user_id())) with check (user_id = (select app_user_id()));
create policy api_tenant on workspaces for all to atelier_api
  using (id = any ((select app_workspace_ids())::uuid[]) or created_by = (select app_user_id()))
  with check (id = any ((select app_workspace_ids())::uuid[]) or created_by = (select app_user_id()));
create policy api_tenant on workspace_members for all to atelier_api
  using (user_id = (select app_user_id()) or workspace_id = any ((select app_workspace_ids())::uuid[]))
  with check (workspace_id = any ((select app_workspace_ids())::uuid[]));
grant select on users to atelier_api;
grant update (name, password_hash, password_changed_at, totp_secret, totp_key_id, totp_enabled_at,
  recovery_code_hashes, updated_at) on users to atelier_api;
grant select, insert, update, delete on sessions, refresh_tokens, api_keys, workspaces, workspace_members
  to atelier_api;

-- The audit log can be read and extended, never changed.
create policy api_chain on audit_logs for select to atelier_api
  using (chain_id = any ((select app_workspace_ids())::uuid[]));
create policy api_append on audit_logs for insert to atelier_api with check (true);
create policy api_heads on audit_heads for all to atelier_api using (true) with check (true);
create policy engine_append on audit_logs for insert to atelier_worker, atelier_scheduler with check (true);
create policy engine_heads on audit_heads for all to atelier_worker, atelier_scheduler
  using (true) with check (true);
grant select, insert on audit_logs to atelier_api;
grant insert on audit_logs to atelier_worker, atelier_scheduler;
grant select, insert, update on audit_heads to atelier_api, atelier_worker, atelier_scheduler;

-- The worker claims and journals anybody's executions; secrets and files only of the claimed workspace.
create policy worker_runs on workflow_executions for all to atelier_worker using (true) with check (true);
create policy worker_journals on execution_steps for all to atelier_worker using (true) with check (true);
create policy worker_asks on approvals for all to atelier_worker using (true) with check (true);
create policy worker_reads on workflow_versions for select to atelier_worker using (true);
create policy worker_reads on workflows for select to atelier_worker using (true);
create policy worker_claimed on credentials for select to atelier_worker
  using (workspace_id = any ((select app_workspace_ids())::uuid[]));
create policy worker_claimed on files for all to atelier_worker
  using (workspace_id = any ((select app_workspace_ids())::uuid[]))
  with check (workspace_id = any ((select app_workspace_ids())::uuid[]));
create policy worker_claimed on file_chunks for all to atelier_worker
  using (workspace_id = any ((select app_workspace_ids())::uuid[]))
  with check (workspace_id = any ((select app_workspace_ids())::uuid[]));
grant select, insert, update on workflow_executions, execution_steps, approvals to atelier_worker;
grant select on workflow_versions, workflows, credentials to atelier_worker;
grant select, insert, update on files, file_chunks to atelier_worker;

-- The scheduler reaps, fires and sweeps.
create policy scheduler_sweeps on workflow_executions for all to atelier_scheduler using (true) with check (true);
create policy scheduler_sweeps on execution_steps for all to atelier_scheduler using (true) with check (true);
create policy scheduler_sweeps on execution_keys for all to atelier_scheduler using (true) with check (true);
create policy scheduler_fires on schedules for all to atelier_scheduler using (true) with check (true);
create policy scheduler_fires on schedule_fires for all to atelier_scheduler using (true) with check (true);
create policy scheduler_expires on approvals for all to atelier_scheduler using (true) with check (true);
create policy scheduler_reads on workflows for select to atelier_scheduler using (true);
create policy scheduler_reads on workflow_versions for select to atelier_scheduler using (true);
create policy scheduler_sweeps on sessions for all to atelier_scheduler using (true) with check (true);
create policy scheduler_sweeps on files for all to atelier_scheduler using (true) with check (true);
create policy scheduler_sweeps on webhook_deliveries for all to atelier_scheduler using (true) with check (true);
grant select, insert, update, delete on workflow_executions, execution_steps, execution_keys, schedules,
  schedule_fires, approvals, webhook_deliveries to atelier_scheduler;
grant select, delete on sessions, files to atelier_scheduler;
grant select on workflows, workflow_versions to atelier_scheduler;

grant select on workers to atelier_api;
grant select, insert, update on workers to atelier_worker;
grant select, update, delete on workers to atelier_scheduler;
grant select, insert on key_canaries to atelier_api, atelier_worker, atelier_scheduler;
