-- Up Migration
-- What is queued is looked for in the order of bands: a lost bell of one workspace does not wait behind another's backlog.
create index workflow_executions_unheard_idx on workflow_executions (band, rung_at) where status = 'queued';
drop index workflow_executions_queued_idx;
-- What is for later counts as rung 3 s before it is due: recovery's first look at it is when its time has come.
update workflow_executions set rung_at = available_at - interval '3 seconds'
  where status = 'queued' and available_at > now() and rung_at < 'infinity';
