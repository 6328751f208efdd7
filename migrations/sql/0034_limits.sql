-- Up Migration
-- How many executions of a workflow or of a workspace run at once. A column, so that a submission does not unpack the
-- graph.
create function graph_concurrency(p_graph jsonb) returns int
  language sql immutable return case when jsonb_typeof(p_graph #> '{settings,concurrency}') = 'number'
    then least(greatest(ceil((p_graph #>> '{settings,concurrency}')::numeric), 1), 10000)::int end;
-- Not a generated column, which would write every version anew while nobody can submit: only those that have one change.
alter table workflow_versions add column concurrency int;
create function limit_version() returns trigger language plpgsql as $$
begin
  new.concurrency := public.graph_concurrency(new.graph);
  return new;
end $$;
create trigger workflow_versions_concurrency before insert on workflow_versions
  for each row execute function limit_version();
alter table workflow_versions no force row level security;
alter table workflow_versions disable trigger workflow_versions_immutable;
update workflow_versions set concurrency = graph_concurrency(graph) where graph_concurrency(graph) is not null;
alter table workflow_versions enable trigger workflow_versions_immutable;
alter table workflow_versions force row level security;
alter table workspaces add column max_concurrency int check (max_concurrency between 1 and 10000);
grant update (max_concurrency) on workspaces to atelier_api;
grant select (id, max_concurrency) on workspaces to atelier_worker, atelier_scheduler;
create policy engine_limits on workspaces for select to atelier_worker, atelier_scheduler using (true);

-- concurrency: that of its version. held_by: the workflow or workspace at whose limit its claim was refused, which rings
-- for it when a place is free. band: how far behind others its bell is heard, from what its workspace had submitted.
alter table workflow_executions
  add column concurrency int,
  add column held_by uuid,
  add column band smallint not null default 0;
create index workflow_executions_held_idx on workflow_executions (held_by, priority desc, id)
  where status = 'queued' and held_by is not null;
create index workflow_executions_running_idx on workflow_executions (workspace_id, workflow_id)
  where status = 'running';
create index workflow_executions_backlog_idx on workflow_executions (workspace_id) where status = 'queued';
